extension Array {
    /// All that comes, until the stream ends.
    init(_ stream: AsyncStream<Element>) async {
        self = []
        for await element in stream { append(element) }
    }
}
