#if os(macOS)
    import Darwin
    package import SystemPackage
    package import SystemSupport

    /// A kqueue for each process, with one event in it: EVFILT_PROC with NOTE_EXIT, which any process may wait for
    /// (kqueue(2)). The queue is a descriptor that is readable when it holds an event.
    package struct KernelProcessEnds: ProcessEnds {
        private let loop: EventLoop

        package init(on loop: EventLoop) {
            self.loop = loop
        }

        package func watch(
            _ pid: Int32, _ handler: @escaping @Sendable () -> Void
        ) throws(Errno) -> (any AnyObject & Sendable)? {
            let queue = try OwnedDescriptor(checking: kqueue())
            var wanted = kevent(
                ident: UInt(pid), filter: Int16(EVFILT_PROC), flags: UInt16(EV_ADD | EV_ONESHOT),
                fflags: UInt32(truncatingIfNeeded: NOTE_EXIT), data: 0, udata: nil)
            guard kevent(queue.rawValue, &wanted, 1, nil, 0, nil) == 0 else {
                // A zombie is none, too.
                guard errno == ESRCH else { throw Errno(rawValue: errno) }
                return nil
            }
            return try loop.watch(queue.rawValue, of: queue) {
                var event = kevent()
                var noTime = timespec()
                // Taken out, so that the queue is no longer readable: once.
                if kevent(queue.rawValue, nil, 0, &event, 1, &noTime) == 1 { handler() }
            }
        }
    }
#endif
