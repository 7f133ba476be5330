# Sourced by build-deb and build-tarball, after scripts/prerequisites.sh: the programs as they are shipped, and what is
# made from them. POSIX sh.
#
# BUILT=DIR in the environment: the two programs were built before and are in DIR.

# build_programs: builds both and the tool that writes their man pages, and sets built to where they are.
build_programs() {
    built=${BUILT:-.build-release/release}
    if [ -n "${BUILT:-}" ]; then
        for product in clevagent-runner clevagent-server; do
            [ -x "$built/$product" ] || fail "BUILT=$BUILT: no program $product is there"
        done
        return
    fi
    require_swift
    # shellcheck disable=SC2086,SC2154 # words on purpose, from prerequisites.sh
    require_packages $build_packages
    for product in clevagent-runner clevagent-server; do
        step "build $product"
        swift build --configuration release --static-swift-stdlib --scratch-path .build-release --product "$product"
    done
    swift package --scratch-path .build-release generate-manual --help >/dev/null
}

# version_of_programs [VERSION]: prints that, or else what the programs call themselves.
version_of_programs() {
    version=${1:-$("$built/clevagent-runner" --version)}
    case $version in
    [0-9]*) ;;
    *) fail "“$version” is no version: it begins with a digit" ;;
    esac
    case $version in
    *[!0-9A-Za-z.+~-]*) fail "“$version” is no version: letters, digits and . + ~ - are what it may have" ;;
    esac
    printf '%s\n' "$version"
}

# stage_programs FOLDER: lays programs, settings, man pages and completions into it.
stage_programs() {
    mkdir -p "$1/bin" "$1/etc" "$1/man" "$1/completions"
    cp "$built/clevagent-runner" "$built/clevagent-server" "$1/bin/"
    cp packaging/runner.yaml "$1/etc/"
    for product in clevagent-runner clevagent-server; do
        packaging/man-page "$built/$product" "$(git log -1 --format=%cs)" >"$1/man/$product.8"
        for shell in bash zsh fish; do
            # Without the first line, which is for scripts that are run.
            "$built/$product" --generate-completion-script "$shell" | sed '1{/^#!/d;}' >"$1/completions/$product.$shell"
        done
    done
}
