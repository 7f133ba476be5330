#if os(Linux)
    package import SystemPackage
    package import SystemSupport

    /// Processes held by pidfds. There is no launchd here: this is for its stand-in.
    package struct KernelProcessEnds: ProcessEnds {
        private let loop: EventLoop

        package init(on loop: EventLoop) {
            self.loop = loop
        }

        package func watch(
            _ pid: Int32, _ handler: @escaping @Sendable () -> Void
        ) throws(Errno) -> (any AnyObject & Sendable)? {
            do throws(Errno) {
                return try ProcessExitEvent(of: ProcessHandle(pid: pid), on: loop, handler)
            } catch .noSuchProcess {
                return nil
            }
        }
    }
#endif
