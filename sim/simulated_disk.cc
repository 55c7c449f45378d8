#include "sim/simulated_disk.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <vector>

#include <fmt/format.h>

namespace torc::sim {

namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

// A write, or with `size` set a change of the file's size, that no sync has covered.
struct Pending {
  std::uint64_t offset = 0;
  Bytes bytes;
  std::optional<std::uint64_t> size;
};

struct FileState {
  Bytes current;  // what a process reads
  Bytes durable;  // what is left if nothing that is pending gets through
  std::vector<Pending> pending;
};

using Names = std::map<std::string, std::shared_ptr<FileState>, std::less<>>;

// A change of a name that no sync of the directory has covered: `from` empty for a created file, `to` empty for a
// removed one.
struct PendingName {
  std::string from;
  std::string to;
  std::shared_ptr<FileState> file;
};

void put(Bytes& file, std::uint64_t offset, ByteView bytes) {
  if (bytes.empty()) return;
  if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
}

void play_back(Bytes& file, const Pending& pending) {
  if (pending.size) file.resize(*pending.size);
  put(file, pending.offset, pending.bytes);
}

void play_back(Names& names, const PendingName& pending) {
  if (!pending.from.empty()) {
    const auto found = names.find(pending.from);
    if (found == names.end() || found->second != pending.file) return;  // it never got its old name on the disk
    names.erase(found);
  }
  if (!pending.to.empty()) names[pending.to] = pending.file;
}

Error failed(std::string_view what, std::string_view name, std::string_view why) {
  return Error{fmt::format("cannot {} {}: {}", what, name, why), Error::Kind::unavailable};
}

}  // namespace

struct SimulatedDisk::State {
  mutable std::mutex mutex;
  std::mt19937_64 random;
  std::uint64_t process = 0;  // counts processes: calls of earlier ones fail
  bool locked = false;
  Names current;
  Names durable;
  std::vector<PendingName> pending_names;
  std::uint64_t capacity = unlimited;
  std::uint64_t used = 0;
  std::uint64_t bytes_to_live = unlimited;
  std::uint64_t calls_to_live = unlimited;
  int good_syncs = 0;  // before the failing ones
  int failing_syncs = 0;
  Counts counts;

  std::uint64_t free_bytes() const { return capacity - std::min(used, capacity); }
  bool coin() { return random() % 2 == 0; }

  void end_process() {
    ++process;
    locked = false;
    bytes_to_live = calls_to_live = unlimited;
  }

  bool sync_fails() {
    if (failing_syncs == 0) return false;
    if (good_syncs > 0) return --good_syncs, false;
    --failing_syncs;
    return true;
  }

  // Whether the process gets past the call that it makes now.
  bool survives_call() {
    if (calls_to_live == unlimited) return true;
    if (calls_to_live > 0) return --calls_to_live, true;
    end_process();
    return false;
  }

  // Each sector of a file is as it was after some number of the writes that are pending.
  void lose_some(FileState& file) {
    std::map<std::uint64_t, std::uint64_t> writes_kept;  // by sector
    for (std::size_t i = 0; i < file.pending.size(); ++i) {
      const Pending& pending = file.pending[i];
      if (pending.size) {
        if (coin()) file.durable.resize(*pending.size);
        continue;
      }
      for (std::uint64_t at = pending.offset; at < pending.offset + pending.bytes.size();) {
        const std::uint64_t sector = at / sector_bytes;
        const std::uint64_t end = std::min((sector + 1) * sector_bytes, pending.offset + pending.bytes.size());
        const auto kept = writes_kept.try_emplace(sector, random() % (file.pending.size() + 1)).first->second;
        if (i < kept) put(file.durable, at, ByteView(pending.bytes).subspan(at - pending.offset, end - at));
        at = end;
      }
    }
    file.pending.clear();
  }

  Result<void> sync(FileState& file, std::string_view name) {
    ++counts.file_syncs;
    if (sync_fails()) {
      lose_some(file);  // and `current` goes on showing them
      return failed("sync", name, "Input/output error");
    }
    for (const Pending& pending : file.pending) play_back(file.durable, pending);
    file.pending.clear();
    return {};
  }

  Result<void> write(FileState& file, std::string_view name, std::uint64_t offset, ByteView bytes) {
    ++counts.writes;
    if (calls_to_live == 0 && bytes_to_live == unlimited && !bytes.empty()) bytes_to_live = random() % bytes.size();
    if (calls_to_live != unlimited && calls_to_live > 0) --calls_to_live;
    ByteView fits = bytes;
    const std::uint64_t size = file.current.size();
    if (offset + bytes.size() > size) {
      const std::uint64_t reach = size + std::min(free_bytes(), unlimited - size);
      if (offset + bytes.size() > reach) fits = bytes.first(reach > offset ? reach - offset : 0);
    }
    const bool dies = fits.size() > bytes_to_live;
    if (dies) fits = fits.first(bytes_to_live);
    put(file.current, offset, fits);
    used += file.current.size() - size;
    counts.written_bytes += fits.size();
    if (!fits.empty()) file.pending.push_back({offset, Bytes(fits.begin(), fits.end()), std::nullopt});
    if (dies) {
      end_process();
      return failed("write to", name, "the process died");
    }
    if (bytes_to_live != unlimited) bytes_to_live -= fits.size();
    if (fits.size() < bytes.size()) return failed("write to", name, "No space left on device");
    return {};
  }
};

namespace {

using State = SimulatedDisk::State;

class SimulatedFile final : public io::File {
 public:
  SimulatedFile(std::shared_ptr<State> disk, std::shared_ptr<FileState> file, std::string name)
      : disk_(std::move(disk)), file_(std::move(file)), name_(std::move(name)), process_(disk_->process) {}

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    const std::lock_guard lock(disk_->mutex);
    if (dead()) return failed("write to", name_, "the process is dead");
    return disk_->write(*file_, name_, offset, bytes);
  }

  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    const std::lock_guard lock(disk_->mutex);
    if (dead()) return failed("read", name_, "the process is dead");
    const Bytes& bytes = file_->current;
    const std::uint64_t begin = std::min<std::uint64_t>(offset, bytes.size());
    const std::uint64_t end = begin + std::min<std::uint64_t>(count, bytes.size() - begin);
    return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.begin() + static_cast<std::ptrdiff_t>(end));
  }

  Result<std::uint64_t> size() const override {
    const std::lock_guard lock(disk_->mutex);
    if (dead()) return failed("look at", name_, "the process is dead");
    return file_->current.size();
  }

  Result<void> truncate(std::uint64_t size) override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || !disk_->survives_call()) return failed("change the size of", name_, "the process is dead");
    disk_->used += size - file_->current.size();
    file_->current.resize(size);
    file_->pending.push_back({0, {}, size});
    return {};
  }

  Result<void> sync() override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || !disk_->survives_call()) return failed("sync", name_, "the process is dead");
    return disk_->sync(*file_, name_);
  }

 private:
  bool dead() const { return process_ != disk_->process; }

  std::shared_ptr<State> disk_;
  std::shared_ptr<FileState> file_;
  std::string name_;
  std::uint64_t process_;
};

class SimulatedDirectory final : public io::Directory {
 public:
  explicit SimulatedDirectory(std::shared_ptr<State> disk) : disk_(std::move(disk)), process_(disk_->process) {}
  ~SimulatedDirectory() override {
    const std::lock_guard lock(disk_->mutex);
    if (holds_lock_ && !dead()) disk_->locked = false;
  }

  Result<std::unique_ptr<io::File>> create(std::string_view name) override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || !disk_->survives_call()) return failed("create", name, "the process is dead");
    if (disk_->current.contains(name)) return Error{fmt::format("cannot open {}: File exists", name)};
    auto file = std::make_shared<FileState>();
    change({"", std::string(name), file});
    return opened(std::move(file), name);
  }

  Result<std::unique_ptr<io::File>> open(std::string_view name) override {
    const std::lock_guard lock(disk_->mutex);
    if (dead()) return failed("open", name, "the process is dead");
    const auto found = disk_->current.find(name);
    if (found == disk_->current.end()) return Error{fmt::format("cannot open {}: No such file or directory", name)};
    return opened(found->second, name);
  }

  bool exists(std::string_view name) const override {
    const std::lock_guard lock(disk_->mutex);
    return disk_->current.contains(name);
  }

  Result<std::vector<std::string>> list() const override {
    const std::lock_guard lock(disk_->mutex);
    if (dead()) return failed("list", "the directory", "the process is dead");
    std::vector<std::string> names;
    for (const auto& [name, file] : disk_->current) names.push_back(name);
    return names;
  }

  Result<void> rename(std::string_view from, std::string_view to) override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || !disk_->survives_call()) return failed("rename", from, "the process is dead");
    const auto found = disk_->current.find(from);
    if (found == disk_->current.end()) return Error{fmt::format("cannot rename {}: No such file or directory", from)};
    if (const auto replaced = disk_->current.find(to); replaced != disk_->current.end()) {
      disk_->used -= replaced->second->current.size();
    }
    change({std::string(from), std::string(to), found->second});
    return {};
  }

  Result<void> remove(std::string_view name) override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || !disk_->survives_call()) return failed("remove", name, "the process is dead");
    const auto found = disk_->current.find(name);
    if (found == disk_->current.end()) return Error{fmt::format("cannot remove {}: No such file or directory", name)};
    disk_->used -= found->second->current.size();
    change({std::string(name), "", found->second});
    return {};
  }

  Result<void> sync() override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || !disk_->survives_call()) return failed("sync", "the directory", "the process is dead");
    ++disk_->counts.directory_syncs;
    if (disk_->sync_fails()) return failed("sync", "the directory", "Input/output error");
    for (const PendingName& pending : disk_->pending_names) play_back(disk_->durable, pending);
    disk_->pending_names.clear();
    return {};
  }

  Result<std::uint64_t> free_bytes() const override {
    const std::lock_guard lock(disk_->mutex);
    return disk_->free_bytes();
  }

  Result<void> lock() override {
    const std::lock_guard lock(disk_->mutex);
    if (dead()) return failed("lock", "the directory", "the process is dead");
    if (holds_lock_) return {};
    if (disk_->locked) return Error{"the directory is in use by another process", Error::Kind::refused};
    holds_lock_ = disk_->locked = true;
    return {};
  }

 private:
  bool dead() const { return process_ != disk_->process; }

  void change(PendingName change) {
    play_back(disk_->current, change);
    disk_->pending_names.push_back(std::move(change));
  }

  Result<std::unique_ptr<io::File>> opened(std::shared_ptr<FileState> file, std::string_view name) {
    return std::unique_ptr<io::File>(std::make_unique<SimulatedFile>(disk_, std::move(file), std::string(name)));
  }

  std::shared_ptr<State> disk_;
  std::uint64_t process_;
  bool holds_lock_ = false;
};

}  // namespace

SimulatedDisk::SimulatedDisk(std::uint64_t seed) : state_(std::make_shared<State>()) { state_->random.seed(seed); }
SimulatedDisk::~SimulatedDisk() = default;

std::unique_ptr<io::Directory> SimulatedDisk::mount() {
  const std::lock_guard lock(state_->mutex);
  return std::make_unique<SimulatedDirectory>(state_);
}

void SimulatedDisk::crash_process() {
  const std::lock_guard lock(state_->mutex);
  state_->end_process();
}

void SimulatedDisk::crash_machine() {
  const std::lock_guard lock(state_->mutex);
  State& state = *state_;
  state.end_process();
  for (const PendingName& pending : state.pending_names) {
    if (state.coin()) play_back(state.durable, pending);
  }
  state.pending_names.clear();
  state.current = state.durable;
  state.used = 0;
  for (const auto& [name, file] : state.current) {
    state.lose_some(*file);
    file->current = file->durable;
    state.used += file->current.size();
  }
}

void SimulatedDisk::crash_process_after(std::uint64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->bytes_to_live = bytes;
}

void SimulatedDisk::crash_process_after_calls(std::uint64_t calls) {
  const std::lock_guard lock(state_->mutex);
  state_->calls_to_live = calls;
}

void SimulatedDisk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->capacity = bytes;
}

void SimulatedDisk::fail_syncs(int count, int good) {
  const std::lock_guard lock(state_->mutex);
  state_->good_syncs = good;
  state_->failing_syncs = count;
}

void SimulatedDisk::flip_bit(std::string_view name, std::uint64_t byte, int bit) {
  const std::lock_guard lock(state_->mutex);
  FileState& file = *state_->current.find(name)->second;
  file.current.at(byte) ^= static_cast<std::uint8_t>(1 << bit);
  if (byte < file.durable.size()) file.durable[byte] ^= static_cast<std::uint8_t>(1 << bit);
}

Bytes SimulatedDisk::contents(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  return state_->current.find(name)->second->current;
}

void SimulatedDisk::replace(std::string_view name, Bytes bytes) {
  const std::lock_guard lock(state_->mutex);
  auto file = std::make_shared<FileState>();
  if (const auto found = state_->current.find(name); found != state_->current.end()) {
    state_->used -= found->second->current.size();
  }
  state_->used += bytes.size();
  file->durable = bytes;
  file->current = std::move(bytes);
  const std::string key(name);
  state_->current[key] = file;
  state_->durable[key] = file;
}

SimulatedDisk::Counts SimulatedDisk::counts() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counts;
}

}  // namespace torc::sim
