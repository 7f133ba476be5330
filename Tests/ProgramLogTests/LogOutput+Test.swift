import Dispatch
import ProgramLog

extension LogOutput {
    /// Waits until all is written, and not on a thread that those who read it may need.
    func flushed() async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "flush").async { continuation.resume(returning: self.flush(within: .seconds(30))) }
        }
    }
}
