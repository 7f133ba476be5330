# Sourced by the scripts beside it: says what they need, and gets what is missing. POSIX sh; nothing but Debian's base
# system is assumed (no make, curl, sudo, python3 or procps).
#
# Set before sourcing: program, the name to speak under.

# What the build needs beyond Swift: the SQLite of the store, the YAML of the runner's file, systemd's bus, the gzip of
# request bodies, and what finds them.
build_packages='libsqlite3-dev libsystemd-dev libyaml-dev pkg-config zlib1g-dev'
# What only tests need: strace counts fdatasyncs, Python carries the older runner that must go on working, openssl makes
# certificates, a systemd of the tests' own, with D-Bus and polkit, starts what the runner relaunches and has the units that it
# watches, and a Docker engine of their own (which looks for iptables, and whose one image is busybox) has containers.
test_packages='openssl strace python3-venv systemd dbus polkitd docker.io iptables busybox-static podman runc'
swift_wanted=6.3

# Those that start engines, managers and programs with deadlines, trace system calls, read a hundred thousand made-up
# inputs, or count what they hold, have the machine to themselves, one after the other: what runs beside them would be
# told that it is too late.
alone='IntegrationTests|ConformanceTests|DurabilityTests|DockerWatcherTests|SystemdWatcherTests|LaunchdWatcherTests|FuzzTests|SimulationTests|CommandRunnerTests'

say() { printf '%s: %s\n' "$program" "$*"; }
step() { printf '\n==> %s\n' "$*"; }

fail() {
    printf '%s: %s\n' "$program" "$*" >&2
    exit 1
}

# require_swift: ends the script unless `swift` is there and new enough.
require_swift() {
    where='https://www.swift.org/install/linux/'
    command -v swift >/dev/null 2>&1 ||
        fail "Swift is not on the PATH ($PATH). Swift $swift_wanted or newer is needed: $where"
    found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$found" ] || fail "'swift --version' does not work; Swift $swift_wanted or newer is needed: $where"
    major=${found%%.*}
    rest=${found#*.}
    minor=${rest%%.*}
    [ "$major" -gt "${swift_wanted%%.*}" ] ||
        { [ "$major" -eq "${swift_wanted%%.*}" ] && [ "$minor" -ge "${swift_wanted#*.}" ]; } ||
        fail "Swift $found ($(command -v swift)) is too old. Swift $swift_wanted or newer is needed: $where"
    say "using Swift $found"
}

# missing_packages PACKAGE...: those of them that dpkg does not know as installed.
missing_packages() {
    for package in "$@"; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# require_packages PACKAGE...: installs what is missing of these Debian packages, after saying so.
require_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        say "this is no Debian: the packages $* are taken to be there under your system's names"
        return
    fi
    missing=$(missing_packages "$@")
    if [ -z "$missing" ]; then
        say "nothing to install: $* are there"
        return
    fi
    say "will install with apt-get: $missing"
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            fail "needs root for that, and there is no sudo. As root: apt-get install --no-install-recommends $missing"
        as_root='sudo'
    fi
    # shellcheck disable=SC2086 # words on purpose
    install_packages $missing || {
        say 'updating the package lists first'
        $as_root apt-get update -q || fail "'apt-get update' failed; is the network there?"
        install_packages $missing || fail "could not install: $missing"
    }
}

install_packages() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}
