import CPlatformShims
import Glibc
import NIOConcurrencyHelpers
package import Supervision
package import SystemPackage

/// One thread that waits in epoll_wait(2): calls back when descriptors become readable and when times have come, and runs
/// the actors and tasks that have it as their executor, whose blocking system calls then hold up no other tasks.
///
/// Not a `DispatchSource`: on Linux, sources that come and go quickly crash the process, since libdispatch keeps pointers
/// to freed memory in its epoll set (swiftlang/swift-corelibs-libdispatch#949). Here the kernel holds only numbers.
package final class EventLoop: SerialExecutor {
    /// A handler's place. Dropped, it is cancelled; while it is held, the loop goes on.
    package final class Registration: Sendable {
        private let descriptor: Int32
        private let id: UInt64
        private let loop: EventLoop

        fileprivate init(descriptor: Int32, id: UInt64, loop: EventLoop) {
            self.descriptor = descriptor
            self.id = id
            self.loop = loop
        }

        /// After this the handler is not called again, unless a call is under way.
        package func cancel() {
            loop.core.remove(id, from: descriptor)
        }

        deinit { cancel() }
    }

    /// What is waited for.
    package enum Readiness: Sendable {
        /// Something to read, or the end.
        case readable
        /// That, or room to write.
        case readableOrWritable
        /// The end alone: epoll_ctl(2) tells of EPOLLHUP without being asked.
        case hungUp

        fileprivate var events: UInt32 {
            switch self {
            case .readable: EPOLLIN.rawValue
            case .readableOrWritable: EPOLLIN.rawValue | EPOLLOUT.rawValue
            case .hungUp: 0
            }
        }
    }

    private let core: Core

    /// Starts the thread.
    package init() throws(Errno) {
        core = try Core()
        try core.start()
    }

    deinit { core.end() }

    /// Calls `handler` on the loop's thread when the descriptor is readable or at its end.
    ///
    /// - Parameters:
    ///   - readiness: the same for all who watch one descriptor.
    ///   - owner: keeps the descriptor open, and is kept until the registration is cancelled.
    ///   - handler: is called again and again while there is something to read. It must not block.
    package func watch(
        _ descriptor: Int32, for readiness: Readiness = .readable, of owner: any AnyObject & Sendable,
        _ handler: @escaping @Sendable () -> Void
    ) throws(Errno) -> Registration {
        let id = try core.add(handler, to: descriptor, for: readiness, of: owner)
        return Registration(descriptor: descriptor, id: id, loop: self)
    }

    /// Something that is to happen once.
    package struct Alarm: Sendable {
        private let id: UInt64
        private let core: Core

        fileprivate init(id: UInt64, core: Core) {
            self.id = id
            self.core = core
        }

        /// After this the handler is not called, unless a call is under way.
        package func cancel() { core.cancelAlarm(id) }
    }

    /// Calls `handler` on the loop's thread once this moment has come. It must not block.
    @discardableResult
    package func schedule(at deadline: BootInstant, _ handler: @escaping @Sendable () -> Void) -> Alarm {
        Alarm(id: core.schedule(at: deadline, handler), core: core)
    }

    /// Runs tasks on the loop's thread: those that talk to its actors a lot. They must not block for long either.
    package final class Tasks: TaskExecutor {
        private let loop: EventLoop

        package init(on loop: EventLoop) {
            self.loop = loop
        }

        package func enqueue(_ job: consuming ExecutorJob) {
            loop.core.enqueue(UnownedJob(job), of: .tasks(asUnownedTaskExecutor()))
        }
    }

    /// Calls `body` on the loop's thread, soon and once.
    package func execute(_ body: @escaping @Sendable () -> Void) {
        schedule(at: BootInstant(sinceBoot: .zero), body)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        core.enqueue(UnownedJob(job), of: .serial(asUnownedSerialExecutor()))
    }

    package func checkIsolated() {
        precondition(core.isCurrentThread, "not on the event loop")
    }
}

/// What the thread and the loop share; the thread outlives the loop by a moment.
private final class Core: Sendable {
    typealias Handler = @Sendable () -> Void
    /// As what the thread runs a job.
    enum Executor {
        case serial(UnownedSerialExecutor)
        case tasks(UnownedTaskExecutor)
    }

    private struct Entry {
        /// Never used again, unlike the descriptor: an event on its way finds its entry or none.
        var token: UInt64
        var owner: any AnyObject & Sendable
        /// Seldom more than one.
        var handlers: [(id: UInt64, handler: Handler)]
    }

    private struct State {
        var nextID = firstID
        var entries: [Int32: Entry] = [:]
        var descriptors: [UInt64: Int32] = [:]
        var alarms = AlarmQueue<Handler>()
        /// For when the timer is set.
        var wakes: BootInstant?
        var jobs: [(job: UnownedJob, executor: Executor)] = []
        var thread: pthread_t?
        var isOver = false
    }

    private static let wakeToken: UInt64 = 0
    private static let timerToken: UInt64 = 1
    private static let firstID: UInt64 = 2
    private static let stackSize = 1024 * 1024
    private static let batch = 64

    private let epoll: OwnedDescriptor
    private let wakeSignal: OwnedDescriptor
    private let timer: OwnedDescriptor
    private let state = NIOLockedValueBox(State())

    init() throws(Errno) {
        epoll = try OwnedDescriptor(checking: epoll_create1(Int32(EPOLL_CLOEXEC)))
        wakeSignal = try OwnedDescriptor(checking: eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)))
        // The clock that runs on while the machine sleeps: what came due then is done on waking.
        timer = try OwnedDescriptor(
            checking: timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC | TFD_NONBLOCK)))
        try control(EPOLL_CTL_ADD, wakeSignal.rawValue, token: Self.wakeToken)
        try control(EPOLL_CTL_ADD, timer.rawValue, token: Self.timerToken)
    }

    // MARK: The thread

    func start() throws(Errno) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Self.stackSize)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // Signals of the program are for its other threads. A new thread begins with the mask of its maker.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(&thread, &attributes, runEventLoop, context.toOpaque())
        guard result == 0 else {
            context.release()
            throw Errno(rawValue: result)
        }
    }

    func end() {
        state.withLockedValue { $0.isOver = true }
        wake()
    }

    var isCurrentThread: Bool {
        state.withLockedValue { $0.thread }.map { pthread_equal($0, pthread_self()) != 0 } ?? false
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeSignal.rawValue, &one, MemoryLayout.size(ofValue: one))
    }

    fileprivate func run() {
        state.withLockedValue { $0.thread = pthread_self() }
        var events = [epoll_event](repeating: epoll_event(), count: Self.batch)
        while !state.withLockedValue({ $0.isOver }) {
            let hasJobs = state.withLockedValue { !$0.jobs.isEmpty }
            let count = epoll_wait(epoll.rawValue, &events, Int32(Self.batch), hasJobs ? 0 : -1)
            for event in events.prefix(max(0, Int(count))) {
                switch event.data.u64 {
                case Self.wakeToken: drain(wakeSignal)
                case Self.timerToken:
                    drain(timer)
                    for handler in dueAlarms() { handler() }
                case let token: for handler in handlers(token) { handler() }
                }
            }
            for (job, executor) in takeJobs() {
                switch executor {
                case .serial(let executor): job.runSynchronously(on: executor)
                case .tasks(let executor): job.runSynchronously(on: executor)
                }
            }
        }
    }

    private func drain(_ descriptor: OwnedDescriptor) {
        var count: UInt64 = 0
        _ = read(descriptor.rawValue, &count, MemoryLayout.size(ofValue: count))
    }

    // MARK: Jobs

    func enqueue(_ job: UnownedJob, of executor: Executor) {
        let isFirst = state.withLockedValue { state in
            state.jobs.append((job, executor))
            // The thread itself looks before it waits.
            return state.jobs.count == 1 && state.thread.map { pthread_equal($0, pthread_self()) == 0 } ?? true
        }
        if isFirst { wake() }
    }

    private func takeJobs() -> [(job: UnownedJob, executor: Executor)] {
        state.withLockedValue { state in
            defer { state.jobs.removeAll() }
            return state.jobs
        }
    }

    // MARK: Alarms

    func schedule(at deadline: BootInstant, _ handler: @escaping Handler) -> UInt64 {
        state.withLockedValue { state in
            defer { setTimer(&state) }
            return state.alarms.add(at: deadline, handler)
        }
    }

    func cancelAlarm(_ id: UInt64) {
        // What is let go of may itself cancel something: not inside the lock.
        let handler = state.withLockedValue { state in
            defer { setTimer(&state) }
            return state.alarms.remove(id)
        }
        withExtendedLifetime(handler) {}
    }

    private func dueAlarms() -> [Handler] {
        let now = BootClock().now
        return state.withLockedValue { state in
            state.wakes = nil
            defer { setTimer(&state) }
            return state.alarms.takeDue(at: now)
        }
    }

    /// Has the timer ring for the first alarm, and not at all when there is none.
    private func setTimer(_ state: inout State) {
        let first = state.alarms.next
        guard first != state.wakes else { return }
        state.wakes = first
        // An expiration of zero switches it off (timerfd_settime(2)).
        let time = (first.map { max($0.sinceBoot, .nanoseconds(1)) } ?? .zero).components
        var setting = itimerspec()
        setting.it_value = timespec(
            tv_sec: Int(time.seconds), tv_nsec: Int(time.attoseconds / 1_000_000_000))
        timerfd_settime(timer.rawValue, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }

    private func handlers(_ token: UInt64) -> [Handler] {
        state.withLockedValue { state in
            guard let descriptor = state.descriptors[token], let entry = state.entries[descriptor] else { return [] }
            return entry.handlers.map(\.handler)
        }
    }

    // MARK: Registrations

    func add(
        _ handler: @escaping @Sendable () -> Void, to descriptor: Int32, for readiness: EventLoop.Readiness,
        of owner: any AnyObject & Sendable
    ) throws(Errno) -> UInt64 {
        let result = state.withLockedValue { state -> Result<UInt64, Errno> in
            state.nextID += 1
            let id = state.nextID
            if state.entries[descriptor] != nil {
                // Level-triggered: what is readable already is told to the newcomer, too.
                state.entries[descriptor]?.handlers.append((id, handler))
                return .success(id)
            }
            do throws(Errno) {
                try control(EPOLL_CTL_ADD, descriptor, readiness.events, token: id)
            } catch {
                return .failure(error)
            }
            state.entries[descriptor] = Entry(token: id, owner: owner, handlers: [(id, handler)])
            state.descriptors[id] = descriptor
            return .success(id)
        }
        return try result.get()
    }

    func remove(_ id: UInt64, from descriptor: Int32) {
        // What is let go of may itself cancel something: not inside the lock.
        let removed = state.withLockedValue { state -> (Handler?, Entry?) in
            guard let place = state.entries[descriptor]?.handlers.firstIndex(where: { $0.id == id }) else {
                return (nil, nil)
            }
            let handler = state.entries[descriptor]?.handlers.remove(at: place).handler
            guard let entry = state.entries[descriptor], entry.handlers.isEmpty else {
                return (handler, nil)
            }
            // Its owner still holds the descriptor open, so this is surely ours.
            try? control(EPOLL_CTL_DEL, descriptor, token: entry.token)
            state.entries[descriptor] = nil
            state.descriptors[entry.token] = nil
            return (handler, entry)
        }
        withExtendedLifetime(removed) {}
    }

    private func control(
        _ operation: Int32, _ descriptor: Int32, _ events: UInt32 = EPOLLIN.rawValue, token: UInt64
    ) throws(Errno) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        guard epoll_ctl(epoll.rawValue, operation, descriptor, &event) == 0 else { throw Errno(rawValue: errno) }
    }
}

/// The thread's function: a C function pointer, so it can hold nothing.
private func runEventLoop(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<Core>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
