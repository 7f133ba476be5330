import Glibc

/// How many inputs a generator makes: few in each run of the tests, millions when somebody asks (`FUZZ_INPUTS`).
let fuzzInputs = getenv("FUZZ_INPUTS").flatMap { Int(String(cString: $0)) } ?? 5000
