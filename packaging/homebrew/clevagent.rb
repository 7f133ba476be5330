# Builds both programs from source with Homebrew. There is no release yet: brew install --HEAD. Who publishes it puts in
# the address of the repository, and with a release its `url` and `sha256`.
class Clevagent < Formula
  desc "Keeps AI agents, bots and workers alive"
  homepage "https://clevagent.example"
  license "Apache-2.0"
  head "https://clevagent.example/clevagent.git", branch: "main"

  depends_on "pkgconf" => :build
  depends_on "libyaml"
  # The runner is not built for macOS yet.
  depends_on :linux
  depends_on "systemd"

  uses_from_macos "swift" => :build
  uses_from_macos "sqlite"
  uses_from_macos "zlib"

  def install
    programs = %w[clevagent-runner clevagent-server]
    # Homebrew has a sandbox of its own.
    arguments = %w[--disable-sandbox --configuration release]
    arguments << "--static-swift-stdlib" if OS.linux?
    programs.each do |program|
      system "swift", "build", *arguments, "--product", program
      bin.install ".build/release/#{program}"
      generate_completions_from_executable(bin/program, "--generate-completion-script", shells: [:bash, :zsh, :fish])
    end
    (etc/"clevagent").install "packaging/runner.yaml" unless (etc/"clevagent/runner.yaml").exist?
  end

  def post_install
    (var/"clevagent-runner").mkpath
    chmod 0700, var/"clevagent-runner"
  end

  def caveats
    <<~EOS
      The service is the runner. Before it starts it needs
        the key in #{etc}/clevagent/api-key, mode 0600,
        and in #{etc}/clevagent/runner.yaml the server and what to watch.
      It brings processes back only as root (sudo brew services start clevagent); units and containers also without.
    EOS
  end

  service do
    run [opt_bin/"clevagent-runner", "start", "--config", etc/"clevagent/runner.yaml",
         "--api-key-file", etc/"clevagent/api-key", "--state-dir", var/"clevagent-runner"]
    keep_alive true
    process_type :background
    error_log_path var/"log/clevagent-runner.log"
  end

  test do
    assert_match(/^\d+\.\d+\.\d+/, shell_output("#{bin}/clevagent-runner --version"))

    port = free_port
    server = spawn "#{bin}/clevagent-server", "--listen", "127.0.0.1:#{port}", "--state-dir", "#{testpath}/state"
    begin
      health = shell_output("curl --silent --retry 10 --retry-connrefused http://127.0.0.1:#{port}/healthz")
      assert_match '"ok":true', health
      check = "#{bin}/clevagent-runner check --endpoint http://127.0.0.1:#{port} " \
              "--api-key-file #{testpath}/state/api-key --watch process:#{testpath}/no.pid"
      assert_match "the server takes the key", shell_output(check, 1)
    ensure
      Process.kill "TERM", server
      Process.wait server
    end
  end
end
