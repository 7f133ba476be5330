#!/bin/sh
# Installs clevagent-runner and clevagent-server where there is neither dpkg nor rpm: from the unpacked tarball that
# this script came in, or from one that it is given. It asks the network for nothing.
# Usage: [PREFIX=DIR] [DESTDIR=DIR] ./install.sh [--runner] [--server] [TARBALL]
#        [PREFIX=DIR] [DESTDIR=DIR] ./install.sh --uninstall [--purge] [--runner] [--server]
#   --runner, --server  only that one of the two
#   --uninstall         stop it and take away what was installed; settings, keys and state stay
#   --purge             with --uninstall: those, too, and the runner's user, clevagent
#   TARBALL             a clevagent-….tar.gz; the .sha256 beside it, if there is one, has to match
#   PREFIX              where to; /usr/local if not said
#   DESTDIR             a tree to lay everything into, for packagers: no user is made, nothing is stopped or reloaded
# /etc/clevagent and /etc/default/clevagent-server stay as they are where they are there. Nothing is enabled or started.
# Exit status: 64 when an argument is wrong, 1 when something else is.
set -eu
umask 022

say() { printf 'install.sh: %s\n' "$*"; }

fail() {
    say "$@" >&2
    exit 1
}

wrong() {
    say "$*; see install.sh --help" >&2
    exit 64
}

# files_of PRODUCT: of each of its files, where it is in the tarball, and where it goes.
files_of() {
    echo "bin/$1 $prefix/bin/$1"
    echo "man/$1.8 $prefix/share/man/man8/$1.8"
    echo "completions/$1.bash $prefix/share/bash-completion/completions/$1"
    echo "completions/$1.zsh $prefix/share/zsh/site-functions/_$1"
    echo "completions/$1.fish $prefix/share/fish/vendor_completions.d/$1.fish"
    for unit in $(units_of "$1"); do echo "systemd/$unit $units/$unit"; done
    [ "$1" != clevagent-runner ] || for unit in session-.scope user@.service clevagent-launch-.service; do
        echo "systemd/stopped-after-runner.conf $units/$unit.d/50-clevagent-runner.conf"
    done
}

units_of() {
    echo "$1.service"
    [ "$1" != clevagent-runner ] || echo clevagent-runner-unprivileged.service
}

# put SOURCE DESTINATION: installs one file.
put() {
    target=$destdir$2
    mkdir -p "$(dirname "$target")"
    case $1 in
    systemd/*) sed "/^Exec/s|/usr/bin/clevagent-|$prefix/bin/clevagent-|" "$source/$1" >"$target.new" ;;
    *) cp "$source/$1" "$target.new" ;;
    esac
    case $1 in
    bin/*) chmod 0755 "$target.new" ;;
    *) chmod 0644 "$target.new" ;;
    esac
    # A program at work can't be written to, but replaced.
    mv -f "$target.new" "$target"
}

# remove DESTINATION: takes one file away again, and its folder if that is ours and empty then.
remove() {
    rm -f "$destdir$1"
    case $prefix:$1 in
    *:"$units"/*.d/* | *:*/doc/clevagent/*) rmdir "$destdir$(dirname "$1")" 2>/dev/null || : ;;
    esac
    case $prefix:$1 in
    /usr:* | /usr/local:*) ;;
    *":$prefix/"*)
        folder=$(dirname "${1#"$prefix/"}")
        (cd "$destdir$prefix" && rmdir -p "$folder" && rmdir "$destdir$prefix") 2>/dev/null || :
        ;;
    esac
}

# keep SOURCE DESTINATION: installs a file of settings, unless there is one.
keep() {
    if [ -e "$destdir$2" ] || [ -h "$destdir$2" ]; then
        say "$2 is there, and is left as it is"
    else
        put "$1" "$2"
    fi
}

# refuse_packages PRODUCT...: ends the script when one of them is here as a package.
refuse_packages() {
    for product in "$@"; do
        if dpkg-query -S "/usr/bin/$product" >/dev/null 2>&1; then
            fail "$product is installed as a package of dpkg's: upgrade that, or remove it first"
        elif rpm -qf "/usr/bin/$product" >/dev/null 2>&1; then
            fail "$product is installed as a package of rpm's: upgrade that, or remove it first"
        fi
    done
}

# check_libraries PRODUCT...: ends the script when one of them can't be loaded on this host.
check_libraries() {
    missing=
    for product in "$@"; do
        # What ldd does, which is not everywhere: the loader tells what it finds, and runs nothing.
        found=$(LD_TRACE_LOADED_OBJECTS=1 LD_WARN=yes "$source/bin/$product" 2>&1) || : "${found:=no reason was told}"
        case $found in
        *'version `GLIBC'*) fail "$product needs glibc 2.36 or newer, and this host's is older" ;;
        *' => '*) ;;
        *)
            [ -e /lib64/ld-linux-x86-64.so.2 ] || [ "$(uname -m)" != x86_64 ] ||
                fail "$product needs glibc 2.36 or newer, and this host has no glibc"
            fail "$product can't be started here: $(printf '%s\n' "$found" | head -n 1)"
            ;;
        esac
        for library in $(printf '%s\n' "$found" | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p'); do
            case " $missing " in
            *" $library "*) ;;
            *) missing="${missing:+$missing }$library" ;;
            esac
        done
    done
    [ -n "$missing" ] || return 0
    packages=
    for library in $missing; do packages="$packages $(package_of "$library")"; done
    case $packages in
    *'?'*) fail "shared libraries are missing: $missing; install the packages that have them" ;;
    *) fail "shared libraries are missing: $missing; install them with: $(installer)$packages" ;;
    esac
}

# distribution: of the families whose packages are known here, this host's.
distribution() {
    # shellcheck disable=SC1091 # the host's
    case " $(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}") " in
    *' debian '* | *' ubuntu '*) echo debian ;;
    *' fedora '* | *' rhel '* | *' centos '*) echo fedora ;;
    *' suse '* | *' opensuse'*) echo suse ;;
    *' arch '*) echo arch ;;
    esac
}

installer() {
    case $(distribution) in
    debian) echo 'apt-get install' ;;
    fedora) echo 'dnf install' ;;
    suse) echo 'zypper install' ;;
    arch) echo 'pacman -S' ;;
    esac
}

# package_of LIBRARY: the package that has it on this host's distribution, or ? if that is not known.
package_of() {
    case $(distribution):$1 in
    debian:libyaml-0.so.2 | suse:libyaml-0.so.2) echo libyaml-0-2 ;;
    fedora:libyaml-0.so.2 | arch:libyaml-0.so.2) echo libyaml ;;
    debian:libsystemd.so.0 | suse:libsystemd.so.0) echo libsystemd0 ;;
    fedora:libsystemd.so.0 | arch:libsystemd.so.0) echo systemd-libs ;;
    debian:libsqlite3.so.0 | suse:libsqlite3.so.0) echo libsqlite3-0 ;;
    fedora:libsqlite3.so.0) echo sqlite-libs ;;
    arch:libsqlite3.so.0) echo sqlite ;;
    debian:libz.so.1) echo zlib1g ;;
    fedora:libz.so.1 | arch:libz.so.1) echo zlib ;;
    suse:libz.so.1) echo libz1 ;;
    debian:libstdc++.so.6 | suse:libstdc++.so.6) echo libstdc++6 ;;
    fedora:libstdc++.so.6) echo libstdc++ ;;
    debian:libgcc_s.so.1) echo libgcc-s1 ;;
    fedora:libgcc_s.so.1) echo libgcc ;;
    suse:libgcc_s.so.1) echo libgcc_s1 ;;
    arch:libstdc++.so.6 | arch:libgcc_s.so.1) echo gcc-libs ;;
    *) echo '?' ;;
    esac
}

# make_user: makes the user and the group clevagent, which the runner without root runs as, unless they are there.
make_user() {
    if id -u clevagent >/dev/null 2>&1; then return; fi
    shell=/bin/false
    for program in /sbin/nologin /usr/sbin/nologin; do [ ! -x "$program" ] || shell=$program; done
    if command -v useradd >/dev/null 2>&1; then
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell "$shell" clevagent
    else
        fail 'there is no useradd: make the system user clevagent, with a group of that name, first'
    fi
    say 'made the system user clevagent'
}

# remove_user: takes them away again, unless they are somebody's.
remove_user() {
    number=$(id -u clevagent 2>/dev/null) || return 0
    if [ "$number" -ge 1000 ]; then
        say 'the user clevagent is no system user, and stays'
    else
        userdel clevagent || fail 'the user clevagent could not be removed'
    fi
}

# systemd_is_here: whether units are to be stopped and read anew.
systemd_is_here() { [ -z "$destdir" ] && [ -d /run/systemd/system ]; }

# unpack TARBALL: sets source to the folder in it.
unpack() {
    [ -f "$1" ] || fail "there is no file $1"
    if [ -e "$1.sha256" ]; then
        (cd "$(dirname "$1")" && sha256sum -c "$(basename "$1").sha256" >/dev/null 2>&1) ||
            fail "$1 is not what $1.sha256 says"
    fi
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    trap 'exit 1' HUP INT TERM
    gzip -dc "$1" 2>/dev/null | tar -xof - -C "$unpacked" 2>/dev/null || fail "$1 could not be unpacked"
    for folder in "$unpacked"/clevagent-*; do source=$folder; done
    [ -d "$source/bin" ] || fail "$1 is no tarball of clevagent's"
}

install_products() {
    for product in "$@"; do
        [ -f "$source/bin/$product" ] || fail "there is no bin/$product beside this script: give it the tarball"
    done
    if [ -z "$destdir" ]; then
        refuse_packages "$@"
        check_libraries "$@"
    fi
    for product in "$@"; do
        if [ "$product" = clevagent-runner ]; then
            [ -n "$destdir" ] || make_user
            if [ ! -d "$destdir/etc/clevagent" ]; then
                mkdir -p "$destdir/etc/clevagent"
                chmod 0750 "$destdir/etc/clevagent"
                [ -n "$destdir" ] || chgrp clevagent /etc/clevagent
            fi
            keep etc/runner.yaml /etc/clevagent/runner.yaml
        else
            keep etc/clevagent-server.default /etc/default/clevagent-server
        fi
        files_of "$product" | while read -r from to; do put "$from" "$to"; done
    done
    put LICENSE "$prefix/share/doc/clevagent/LICENSE"
    if systemd_is_here; then systemctl daemon-reload || fail 'systemctl daemon-reload failed'; fi
    for product in "$@"; do
        say "installed $destdir$prefix/bin/$product"
        [ -n "$destdir" ] || tell_next "$product"
    done
}

# tell_next PRODUCT: says what is left to do.
tell_next() {
    if systemd_is_here && systemctl --quiet is-active "$1.service"; then
        say "  the old one still runs; for the new one: systemctl restart $1"
    elif [ "$1" = clevagent-runner ]; then
        say '  next: put the key into /etc/clevagent/api-key (owner root, mode 0600), say what to watch in'
        say '  /etc/clevagent/runner.yaml, and: systemctl enable --now clevagent-runner'
    else
        say '  next: systemctl enable --now clevagent-server'
    fi
}

uninstall_products() {
    for product in "$@"; do
        [ -n "$destdir" ] || [ ! -e "$prefix/bin/$product" ] || refuse_packages "$product"
        if systemd_is_here; then
            for unit in $(units_of "$product"); do
                [ ! -e "$units/$unit" ] || systemctl --quiet disable --now "$unit" || fail "$unit could not be stopped"
            done
        fi
        if [ -e "$destdir$prefix/bin/$product" ]; then
            say "removing $destdir$prefix/bin/$product and what came with it"
        else
            say "there is no $destdir$prefix/bin/$product"
        fi
        files_of "$product" | while read -r from to; do remove "$to"; done
        if [ -n "$purge" ]; then
            rm -rf "$destdir/var/lib/$product" "$destdir/var/lib/private/$product"
            if [ "$product" = clevagent-runner ]; then
                rm -rf "$destdir/etc/clevagent" "$destdir/run/clevagent-runner"
                [ -n "$destdir" ] || remove_user
            else
                rm -f "$destdir/etc/default/clevagent-server"
            fi
            say "removed settings and state of $product"
        fi
    done
    if [ ! -e "$destdir$prefix/bin/clevagent-runner" ] && [ ! -e "$destdir$prefix/bin/clevagent-server" ]; then
        remove "$prefix/share/doc/clevagent/LICENSE"
    fi
    if systemd_is_here; then systemctl daemon-reload || fail 'systemctl daemon-reload failed'; fi
}

products=''
uninstall=''
purge=''
tarball=''
for argument in "$@"; do
    case $argument in
    --runner) products="$products clevagent-runner" ;;
    --server) products="$products clevagent-server" ;;
    --uninstall) uninstall=yes ;;
    --purge) purge=yes ;;
    -h | --help)
        sed -n '2,14s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    -*) wrong "“$argument” is no option" ;;
    *)
        [ -z "$tarball" ] || wrong "“$argument” is one tarball too many"
        tarball=$argument
        ;;
    esac
done
: "${products:=clevagent-runner clevagent-server}"
[ -n "$uninstall" ] || [ -z "$purge" ] || wrong '--purge goes with --uninstall'
[ -z "$uninstall" ] || [ -z "$tarball" ] || wrong '--uninstall takes no tarball'

prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
case $prefix in
*[!A-Za-z0-9/._+-]*) wrong "PREFIX=$prefix: letters, digits and / . _ + - are what it may have" ;;
/*) prefix=${prefix%/} ;;
*) wrong "PREFIX=$prefix is no absolute path" ;;
esac
case $destdir in
'' | /*) destdir=${destdir%/} ;;
*) wrong "DESTDIR=$destdir is no absolute path" ;;
esac
# systemd looks under no other prefix.
case $prefix in
/usr | /usr/local) units=$prefix/lib/systemd/system ;;
*) units=/etc/systemd/system ;;
esac
[ -n "$destdir" ] || [ "$(id -u)" = 0 ] || fail 'only root can do this; or give DESTDIR'

# shellcheck disable=SC2086 # words on purpose
if [ -n "$uninstall" ]; then
    uninstall_products $products
else
    if [ -n "$tarball" ]; then unpack "$tarball"; else source=$(cd "$(dirname "$0")" && pwd); fi
    install_products $products
fi
