// SPDX-License-Identifier: Apache-2.0
#include "base/os/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "base/os/signal.h"

namespace hf {
namespace {

constexpr size_t kFlushAt = 64 * 1024;        // bytes that wait before a write is worth its cost
constexpr size_t kBufferLimit = 1024 * 1024;  // bytes that wait for a disk or pipe that is full
constexpr auto kFlushEvery = std::chrono::seconds(1);
constexpr const char* kStampedPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* kJournalPattern = "<%*>%v";
constexpr const char* kRecordLogger = "record";  // lines of this logger get no time and level

/// The syslog priority of a line, as sd-daemon(3) wants it.
class PriorityFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& out) override {
    switch (line.level) {
      case spdlog::level::debug: return out.push_back('7');
      case spdlog::level::warn: return out.push_back('4');
      case spdlog::level::err: return out.push_back('3');
      default: return out.push_back('6');
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PriorityFlag>();
  }
};

std::unique_ptr<spdlog::formatter> make_formatter(const char* pattern) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<PriorityFlag>('*').set_pattern(pattern);
  return formatter;
}

/// Whether stderr is the stream that systemd connected to the journal (systemd.exec(5)).
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat st{};
  return stream != nullptr && ::fstat(STDERR_FILENO, &st) == 0 &&
         stream == fmt::format("{}:{}", st.st_dev, st.st_ino);
}

/// Collects lines and writes them to a descriptor that may be full, slow or gone.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  DescriptorSink() { attach_stderr(); }
  ~DescriptorSink() override { write_out(); }

  void to_stderr() {
    const std::lock_guard lock(mutex_);
    write_out();
    attach_stderr();
  }

  /// `path` is empty if the file cannot be opened again.
  void to_file(Fd file, std::string path) {
    const std::lock_guard lock(mutex_);
    write_out();
    file_ = std::move(file);
    path_ = std::move(path);
    journal_ = false;
    formatter_ = make_formatter(kStampedPattern);
  }

  std::string path() {
    const std::lock_guard lock(mutex_);
    return path_;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    if (buffer_.size() >= kBufferLimit) {
      ++lost_lines_;
    } else if (line.logger_name == kRecordLogger) {
      if (journal_) append("<6>");
      append({line.payload.data(), line.payload.size()});
      append("\n");
    } else {
      formatter_->format(line, buffer_);
    }
    const bool due = line.time - last_write_ >= kFlushEvery || line.time < last_write_;
    const bool urgent = line.level >= spdlog::level::warn || buffer_.size() >= kFlushAt;
    if (due || (urgent && !stuck_)) {
      write_out();
      last_write_ = line.time;
    }
  }

  void flush_() override { write_out(); }

  void attach_stderr() {
    file_.reset();
    path_.clear();
    journal_ = stderr_is_journal();
    formatter_ = make_formatter(journal_ ? kJournalPattern : kStampedPattern);
  }

  void append(std::string_view text) { buffer_.append(text.data(), text.data() + text.size()); }

  /// Writes what the descriptor takes without waiting; the rest stays in the buffer.
  void write_out() {
    const int fd = file_ ? file_.get() : STDERR_FILENO;
    size_t done = 0;
    while (done < buffer_.size()) {
      // Where poll() sees room, a pipe or socket takes this much without blocking.
      pollfd ready{fd, POLLOUT, 0};
      if (::poll(&ready, 1, 0) != 1 || ready.revents != POLLOUT) break;
      const size_t size =
          file_ ? buffer_.size() - done : std::min<size_t>(buffer_.size() - done, PIPE_BUF);
      const ssize_t n = ::write(fd, buffer_.data() + done, size);
      if (n < 0 && errno != EINTR) break;
      if (n > 0) done += static_cast<size_t>(n);
    }
    stuck_ = done < buffer_.size();
    std::copy(buffer_.begin() + done, buffer_.end(), buffer_.begin());
    buffer_.resize(buffer_.size() - done);
    if (!stuck_ && lost_lines_ > 0)
      append(fmt::format("{}{} log lines were lost: the log could not be written\n",
                         journal_ ? "<4>" : "", std::exchange(lost_lines_, 0)));
  }

  Fd file_;  // empty: stderr
  std::string path_;
  bool journal_ = false;
  spdlog::memory_buf_t buffer_;
  spdlog::log_clock::time_point last_write_;
  bool stuck_ = false;  // the last write left something over
  uint64_t lost_lines_ = 0;
};

struct Log {
  std::shared_ptr<DescriptorSink> sink = std::make_shared<DescriptorSink>();
  spdlog::logger lines{"line", sink};
  spdlog::logger records{kRecordLogger, sink};

  Log() {
    for (spdlog::logger* logger : {&lines, &records})
      logger->set_error_handler([](const std::string&) {});  // the default writes to stderr
  }
};

Log& the_log() {
  static Log log;
  return log;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    default: return spdlog::level::err;
  }
}

Result<spdlog::level::level_enum> parse_level(std::string_view name) {
  if (name == "debug") return spdlog::level::debug;
  if (name == "info") return spdlog::level::info;
  if (name == "warn") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return fail(fmt::format("log level \"{}\" is unknown: use debug, info, warn or error", name));
}

Result<Fd> open_for_append(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640));
  if (!fd) return fail(sys_error(fmt::format("log file {}", path)));
  return fd;
}

void set_level(spdlog::level::level_enum level) {
  ignore_sigpipe();
  the_log().lines.set_level(level);
  the_log().records.set_level(level);
}

}  // namespace

Result<void> open_log(const std::string& file, std::string_view level) {
  HF_TRY_ASSIGN(const auto least, parse_level(level));
  if (file.empty()) {
    the_log().sink->to_stderr();
  } else {
    HF_TRY_ASSIGN(Fd fd, open_for_append(file));
    the_log().sink->to_file(std::move(fd), file);
  }
  set_level(least);
  return {};
}

Result<void> log_to(Fd file, std::string_view level) {
  HF_TRY_ASSIGN(const auto least, parse_level(level));
  the_log().sink->to_file(std::move(file), {});
  set_level(least);
  return {};
}

void reopen_log() {
  std::string path = the_log().sink->path();
  if (path.empty()) return;
  auto fd = open_for_append(path);
  if (fd) return the_log().sink->to_file(std::move(*fd), std::move(path));
  log_error("{}; logging to the old file", fd.error().message);
}

void flush_log() {
  the_log().sink->flush();
}

bool log_enabled(LogLevel level) {
  return the_log().lines.should_log(spdlog_level(level));
}

void log_write(LogLevel level, std::string_view text) {
  the_log().lines.log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
}

void log_connection(std::string_view line) {
  the_log().records.info(spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace hf
