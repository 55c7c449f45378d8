#include "ledger.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace torc::demo {

namespace {

constexpr const char* schema = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 8000;
CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK(balance >= 0));
CREATE TABLE fence(xid TEXT NOT NULL, move INTEGER NOT NULL, state INTEGER NOT NULL,
                   account INTEGER NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY(xid, move)) WITHOUT ROWID;
)";

// A prepared statement, bound and stepped again and again.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    check(::sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
  }
  ~Statement() { ::sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class... Values>
  Statement& bind(const Values&... values) {
    ::sqlite3_reset(statement_);
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  // True if there is a row.
  bool step() {
    const int result = ::sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) check(result);
    ::sqlite3_reset(statement_);
    return false;
  }
  void run() {
    while (step()) {
    }
  }
  // A row that was looked at holds its snapshot of the file until the next bind() or this.
  void release() { ::sqlite3_reset(statement_); }
  std::int64_t number(int column) const { return ::sqlite3_column_int64(statement_, column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(::sqlite3_column_text(statement_, column));
    return {bytes, static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column))};
  }

 private:
  void bind_one(int index, std::int64_t value) { check(::sqlite3_bind_int64(statement_, index, value)); }
  void bind_one(int index, const std::string& value) {
    check(::sqlite3_bind_text(statement_, index, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
  }
  void check(int result) {
    if (result != SQLITE_OK) throw std::runtime_error(fmt::format("sqlite: {}", ::sqlite3_errmsg(database_)));
  }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// One open file; one thread's.
class Database {
 public:
  Database(const std::string& path, std::int64_t accounts, Money each) {
    if (::sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) {
      throw std::runtime_error(fmt::format("{}: {}", path, ::sqlite3_errmsg(handle_)));
    }
    execute(schema);
    execute("BEGIN");
    Statement insert(handle_, "INSERT INTO account VALUES(?, ?)");
    for (Account account = 0; account < accounts; ++account) insert.bind(account, each).run();
    execute("COMMIT");
  }
  ~Database() { ::sqlite3_close_v2(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void execute(const char* sql) {
    char* problem = nullptr;
    if (::sqlite3_exec(handle_, sql, nullptr, nullptr, &problem) == SQLITE_OK) return;
    const std::string text = problem ? problem : "";
    ::sqlite3_free(problem);
    throw std::runtime_error(fmt::format("sqlite: {}", text));
  }
  sqlite3* handle() { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

// The ledger's rules, inside one local transaction that somebody else begins and commits. Each looks before it changes
// anything, so a refusal leaves nothing behind.
class Books {
 public:
  explicit Books(Database& database) : database_(database) {}

  Tried try_move(const Part& part, Account account, Money amount) {
    if (fence(part)) return Tried::suspended;
    if (part.move == Move::debit) {
      balance_.bind(account);
      const bool enough = balance_.step() && balance_.number(0) >= amount;
      balance_.release();
      if (!enough) return Tried::insufficient_funds;
      add_.bind(-amount, account).run();
    }
    insert_fence(part, Fence::tried, account, amount);
    return Tried::reserved;
  }

  PhaseTwoResult confirm(const Part& part) {
    const auto row = fence(part);
    if (!row) return PhaseTwoResult::failed;  // confirmed without a try: nothing that a correct transaction does
    if (row->state == Fence::confirmed) return PhaseTwoResult::done;
    if (row->state != Fence::tried) return PhaseTwoResult::failed;
    if (part.move == Move::credit) add_.bind(row->amount, row->account).run();
    set_state(part, Fence::confirmed);
    return PhaseTwoResult::done;
  }

  PhaseTwoResult cancel(const Part& part) {
    const auto row = fence(part);
    if (!row) {
      insert_fence(part, Fence::suspended, 0, 0);
      return PhaseTwoResult::done;
    }
    if (row->state == Fence::confirmed) return PhaseTwoResult::failed;
    if (row->state != Fence::tried) return PhaseTwoResult::done;
    if (part.move == Move::debit) add_.bind(row->amount, row->account).run();
    set_state(part, Fence::cancelled);
    return PhaseTwoResult::done;
  }

  std::int64_t number(const char* sql) {
    Statement statement(database_.handle(), sql);
    statement.step();
    return statement.number(0);
  }

  std::unordered_map<std::string, Outcome> outcomes() {
    std::unordered_map<std::string, Outcome> found;
    Statement rows(database_.handle(),
                   "SELECT xid, state, CASE WHEN state != 2 THEN 0 WHEN move = 1 THEN -amount ELSE amount END FROM fence");
    while (rows.step()) found.emplace(rows.text(0), Outcome{static_cast<Fence>(rows.number(1)), rows.number(2)});
    return found;
  }

 private:
  struct Row {
    Fence state;
    Account account;
    Money amount;
  };

  static std::int64_t number_of(Move move) { return static_cast<std::int64_t>(move); }
  static std::int64_t number_of(Fence state) { return static_cast<std::int64_t>(state); }

  std::optional<Row> fence(const Part& part) {
    fence_.bind(part.xid, number_of(part.move));
    if (!fence_.step()) return std::nullopt;
    const Row row{static_cast<Fence>(fence_.number(0)), fence_.number(1), fence_.number(2)};
    fence_.release();
    return row;
  }

  void insert_fence(const Part& part, Fence state, Account account, Money amount) {
    insert_fence_.bind(part.xid, number_of(part.move), number_of(state), account, amount).run();
  }

  void set_state(const Part& part, Fence state) {
    set_state_.bind(number_of(state), part.xid, number_of(part.move)).run();
  }

  Database& database_;
  Statement balance_{database_.handle(), "SELECT balance FROM account WHERE id = ?"};
  Statement add_{database_.handle(), "UPDATE account SET balance = balance + ? WHERE id = ?"};
  Statement fence_{database_.handle(), "SELECT state, account, amount FROM fence WHERE xid = ? AND move = ?"};
  Statement insert_fence_{database_.handle(),
                          "INSERT INTO fence(xid, move, state, account, amount) VALUES(?, ?, ?, ?, ?)"};
  Statement set_state_{database_.handle(), "UPDATE fence SET state = ? WHERE xid = ? AND move = ?"};
};

}  // namespace

// The one thread that touches the file.
class Ledger::Writer {
 public:
  Writer(const std::string& path, std::int64_t accounts, Money each)
      : database_(path, accounts, each), books_(database_), thread_([this] { run(); }) {}

  ~Writer() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    arrived_.notify_one();
    thread_.join();
  }

  // Runs `task` in the next local transaction and brings what it returned once that is committed. None: SQLite failed
  // and nothing was changed.
  template <class Task>
  auto ask(Task task) -> std::optional<decltype(task(std::declval<Books&>()))> {
    using Value = decltype(task(std::declval<Books&>()));
    Waiting<Value> waiting(std::move(task));
    auto answer = waiting.promise.get_future();
    {
      const std::lock_guard guard(mutex_);
      orders_.push_back(&waiting);
    }
    arrived_.notify_one();
    return answer.get();
  }

 private:
  struct Order {
    virtual ~Order() = default;
    virtual void work(Books& books) = 0;
    virtual void finish(bool committed) = 0;  // the order's owner may be gone when this returns
  };
  template <class Value>
  struct Waiting final : Order {
    explicit Waiting(std::function<Value(Books&)> task) : task(std::move(task)) {}
    void work(Books& books) override { value = task(books); }
    void finish(bool committed) override {
      auto told = std::move(promise);
      if (!committed) value.reset();
      told.set_value(std::move(value));
    }
    std::function<Value(Books&)> task;
    std::optional<Value> value;
    std::promise<std::optional<Value>> promise;
  };

  void run() {
    std::vector<Order*> group;
    while (true) {
      group.clear();
      {
        std::unique_lock guard(mutex_);
        arrived_.wait(guard, [this] { return stopping_ || !orders_.empty(); });
        if (orders_.empty()) return;
        group.swap(orders_);
      }
      const bool committed = write(group);
      for (Order* order : group) order->finish(committed);
    }
  }

  bool write(const std::vector<Order*>& group) try {
    database_.execute("BEGIN IMMEDIATE");
    try {
      for (Order* order : group) order->work(books_);
      database_.execute("COMMIT");
    } catch (const std::runtime_error&) {
      database_.execute("ROLLBACK");
      throw;
    }
    return true;
  } catch (const std::runtime_error& problem) {
    fmt::print(stderr, "ledger: {}\n", problem.what());
    return false;
  }

  Database database_;
  Books books_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Order*> orders_;
  bool stopping_ = false;
  std::thread thread_;
};

Ledger::Ledger(const std::string& path, std::int64_t accounts, Money each)
    : writer_(std::make_unique<Writer>(path, accounts, each)) {}

Ledger::~Ledger() = default;

Tried Ledger::try_move(const Part& part, Account account, Money amount) {
  return writer_->ask([&](Books& books) { return books.try_move(part, account, amount); }).value_or(Tried::failed);
}

PhaseTwoResult Ledger::confirm(const Part& part) {
  return writer_->ask([&](Books& books) { return books.confirm(part); }).value_or(PhaseTwoResult::retry);
}

PhaseTwoResult Ledger::cancel(const Part& part) {
  return writer_->ask([&](Books& books) { return books.cancel(part); }).value_or(PhaseTwoResult::retry);
}

Money Ledger::total() {
  return writer_
      ->ask([](Books& books) {
        return books.number("SELECT (SELECT sum(balance) FROM account) + "
                            "(SELECT coalesce(sum(amount), 0) FROM fence WHERE state = 1 AND move = 1)");
      })
      .value_or(-1);
}

std::int64_t Ledger::unsettled() {
  return writer_->ask([](Books& books) { return books.number("SELECT count(*) FROM fence WHERE state = 1"); })
      .value_or(-1);
}

std::unordered_map<std::string, Outcome> Ledger::outcomes() {
  return writer_->ask([](Books& books) { return books.outcomes(); })
      .value_or(std::unordered_map<std::string, Outcome>{});
}

}  // namespace torc::demo
