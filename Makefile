# For those who work on it; scripts/demo and scripts/test need no make.
.POSIX:

STATIC = --configuration release --static-swift-stdlib --scratch-path .build-release
SOURCES = Package.swift Sources Tests Benchmarks Examples

build:
	swift build

# Before each commit.
check:
	swift format lint --strict --parallel --recursive $(SOURCES)
	scripts/check-imports
	for patch in Tests/Simulation/Mutations/*.patch; do git apply --check "$$patch" || exit 1; done
	swift build --build-tests --explicit-target-dependency-import-check error
	docs/check-reference

fmt:
	swift format --in-place --parallel --recursive $(SOURCES)

test:
	scripts/test

# The two programs as they are shipped: one file each, Swift's runtime inside.
release:
	swift build $(STATIC) --product clevagent-runner
	swift build $(STATIC) --product clevagent-server

# Debian packages of both, with units, man pages and completions.
deb:
	packaging/build-deb

# Our runner beside the published Python one: BENCH="--samples 20" for a quick look.
bench:
	scripts/bench $(BENCH)

# Twenty targets killed a thousand times, watched from outside: STORM="100 SEED" for one like an earlier one.
storm:
	scripts/storm $(STORM)

# Five million made-up inputs for every parser: FUZZ="--inputs 100000" for a quick look.
fuzz:
	scripts/fuzz $(FUZZ)

# Runner and server ended at 200 points of each of their occasions, by a kill and by a power cut.
kills:
	CI=true CLEVAGENT_KILL_POINTS=200 swift test --no-parallel --filter KillTests

# The unit tests under ThreadSanitizer and AddressSanitizer: SANITIZE="thread Journal" for some of them.
sanitize:
	scripts/sanitize $(SANITIZE)

# An hour of twenty deaths a second, outages and commands: SOAK="60" for a minute.
soak:
	scripts/soak $(SOAK)

# Runner and server in 20,000 made-up worlds: SIMULATE="1-500" for a quick look.
simulate:
	scripts/simulate $(SIMULATE)

# Bugs put in on purpose, one at a time, each of which the simulation must find.
mutations:
	scripts/mutations

.PHONY: deb sanitize kills soak build check fmt test release bench storm fuzz simulate mutations
