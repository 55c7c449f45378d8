#include "child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "descriptor.h"

namespace torc::demo {

using Clock = std::chrono::steady_clock;

Result<void> ChildProcess::start() {
  std::vector<char*> words = {options_.program.data()};
  for (std::string& argument : options_.arguments) words.push_back(argument.data());
  words.push_back(nullptr);

  const Descriptor trace(::open(options_.trace_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (trace.get() < 0) return Error{fmt::format("cannot write {}: {}", options_.trace_file, std::strerror(errno))};
  std::array<int, 2> failure{};
  if (::pipe2(failure.data(), O_CLOEXEC) != 0) return Error{fmt::format("no pipe: {}", std::strerror(errno))};
  const Descriptor failure_read(failure[0]);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    // Between fork and exec: only what is safe there.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::setpgid(0, 0);  // a Ctrl-C at the terminal is for us; we end it
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(trace.get(), STDERR_FILENO);
    ::dup2(trace.get(), STDOUT_FILENO);
    ::execv(words[0], words.data());
    const int problem = errno;
    [[maybe_unused]] const ssize_t written = ::write(failure[1], &problem, sizeof problem);
    ::_exit(127);
  }
  ::close(failure[1]);
  if (child < 0) return Error{fmt::format("cannot fork: {}", std::strerror(errno)), Error::Kind::unavailable};
  int problem = 0;
  if (::read(failure_read.get(), &problem, sizeof problem) == sizeof problem) {
    ::waitpid(child, nullptr, 0);
    return Error{fmt::format("cannot execute {}: {}", options_.program, std::strerror(problem))};
  }
  pid_ = child;
  return {};
}

void ChildProcess::send_signal(int signal) {
  if (pid_ > 0) ::kill(pid_, signal);
}

std::optional<Ending> ChildProcess::wait_end(Milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (pid_ > 0) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = 0;
      return Ending{WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    }
    if (Clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

void ChildProcess::kill_9() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::string ChildProcess::trace() const {
  std::ifstream file(options_.trace_file);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::string last_lines(const std::string& text, int count) {
  std::size_t from = text.size();
  for (; count > 0 && from >= 2; --count) {
    const std::size_t end_of_previous = text.rfind('\n', from - 2);
    from = end_of_previous == std::string::npos ? 0 : end_of_previous + 1;
  }
  return text.substr(from);
}

}  // namespace torc::demo
