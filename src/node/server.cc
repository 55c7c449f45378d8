#include "node/server.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <thread>
#include <utility>

#include "base/trace.h"
#include "io/asio/tcp_server.h"
#include "io/clock.h"
#include "node/activation.h"
#include "node/admin_api.h"
#include "node/client_port.h"
#include "node/disk.h"
#include "node/keeper.h"
#include "node/metrics.h"

namespace torc::node {

namespace {

// How long a clean end waits for the disk.
constexpr auto stop_within = std::chrono::milliseconds(700);
// S7: a disk that finishes nothing for so long is said to hang, and new work is refused.
constexpr Duration hanging_after = std::chrono::seconds(2);
// While it has work it is looked at so often.
constexpr Duration look_every = std::chrono::milliseconds(250);

void name_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

}  // namespace

class Server::Contents {
 public:
  Contents(const Config& config, Activated activated)
      : config_(config),
        directory_(std::move(activated.directory)),
        log_(std::move(activated.log)),
        identity_(std::move(activated.identity)),
        port_(inbox_),
        clients_(context_, port_, config.network),
        http_(context_,
              admin_api([this](Inspection inspection) { inbox_.put(std::move(inspection)); }, metrics_,
                        [this] { return health(); }, config.name),
              admin::HttpServerOptions{}),
        starting_(Starting{std::move(activated.state), std::move(activated.replica)}) {}

  Result<void> start() {
    auto listening = clients_.listen(config_.listen);
    if (!listening) return listening.error();
    listening_ = *listening;
    auto http = http_.listen(config_.http);
    if (!http) return http.error();
    http_endpoint_ = *http;

    txn::Options options = config_.txn;
    options.address = config_.advertise.empty() ? listening_.text() : config_.advertise;
    const txn::Now now{clock_.now(), clock_.wall()};
    disk_looked_at_ = now.monotonic;
    turn_.emplace(session::Session(config_.session),
                  txn::Machine(std::move(starting_->state), std::move(options), now, config_.ring, now.wall),
                  std::move(starting_->replica));
    starting_.reset();

    disk_.emplace(*log_, inbox_, metrics_);
    keeper_.emplace(*directory_, *log_, identity_, *disk_, inbox_, metrics_, config_);
    ring_thread_ = std::thread([this] { run_ring(); });
    clients_.accept();
    http_.accept();
    network_thread_ = std::thread([this] {
      name_thread("torc-network");
      context_.run();
    });
    return {};
  }

  void stop() {
    if (!ring_thread_.joinable()) return;
    inbox_.put(Stop{});
    ring_thread_.join();
    boost::asio::post(context_, [this] {
      clients_.stop();
      http_.stop();
      work_.reset();
      context_.stop();
    });
    network_thread_.join();
    disk_->give_up();
    keeper_.reset();
    disk_.reset();
  }

  ~Contents() { stop(); }

  void inspect(Inspection inspection) { inbox_.put(std::move(inspection)); }
  io::Endpoint listening() const { return listening_; }
  io::Endpoint http() const { return http_endpoint_; }

 private:
  // -- the ring thread: gather, then one turn, then carry out what it says --

  void run_ring() {
    name_thread("torc-ring");
    std::optional<Instant> stop_by;
    take_turn();  // a new leader has things to say before anybody asks
    while (true) {
      const auto until = stop_by ? stop_by : wake_up();
      for (RingInput& input : inbox_.take(until)) {
        if (std::holds_alternative<Stop>(input)) {
          stop_by = clock_.now() + stop_within;
        } else if (!stop_by || std::holds_alternative<Stored>(input)) {
          gather(std::move(input));
        }
      }
      take_turn();
      for (const ConnectionId id : port_.stalled()) clients_.resume(id);

      const ring::Replica& replica = turn_->replica();
      if (stop_by && (replica.replicated() == replica.end().lsn || clock_.now() >= *stop_by)) return;
    }
  }

  void take_turn() {
    watch_disk();
    carry_out(turn_->run({clock_.now(), clock_.wall()}));
    metrics_.record(*turn_);
  }

  std::optional<Instant> wake_up() const {
    auto until = turn_->next_timer();
    if (turn_->replica().replicated() < turn_->replica().end().lsn) {
      const Instant look = clock_.now() + look_every;
      until = until ? std::min(*until, look) : look;
    }
    return until;
  }

  void gather(RingInput input) {
    const Instant now = clock_.now();
    if (auto* frames = std::get_if<ClientFrames>(&input)) {
      for (session::Received& frame : frames->frames) turn_->received(frames->connection, std::move(frame), now);
    } else if (const auto* stored = std::get_if<Stored>(&input)) {
      turn_->stored(stored->lsn);
      disk_still_for_ = Duration::zero();
    } else if (auto* opened = std::get_if<ClientOpened>(&input)) {
      turn_->opened(opened->connection, std::move(opened->peer), now);
    } else if (const auto* closed = std::get_if<ClientClosed>(&input)) {
      turn_->closed(closed->connection, now);
    } else if (auto* disk = std::get_if<DiskState>(&input)) {
      (disk->of == DiskState::Of::log ? log_problem_ : room_problem_) = std::move(disk->problem);
      tell_health();
    } else if (auto* inspection = std::get_if<Inspection>(&input)) {
      turn_->inspect(std::move(*inspection));
    }
  }

  void watch_disk() {
    const Instant now = clock_.now();
    const bool waiting = turn_->replica().replicated() < turn_->replica().end().lsn;
    // Between two looks no more than twice the usual counts: when this process did not run at all (SIGSTOP, a guest
    // that was moved), that was not the disk.
    if (waiting) disk_still_for_ += std::min(now - disk_looked_at_, 2 * look_every);
    if (!waiting) disk_still_for_ = Duration::zero();
    disk_looked_at_ = now;
    const bool hanging = disk_still_for_ >= hanging_after;
    if (hanging == disk_hanging_) return;
    disk_hanging_ = hanging;
    if (hanging) trace::error("the disk has finished nothing for 2 s; new transactions are refused until it does (S7)");
    if (!hanging) trace::info("the disk moves again");
    tell_health();
  }

  void tell_health() {
    std::optional<std::string> reason = log_problem_ ? log_problem_ : room_problem_;
    if (!reason && disk_hanging_) reason = "the disk does not finish its writes";
    metrics_.writable(!reason);
    {
      const std::lock_guard guard(health_mutex_);
      health_ = reason.value_or("");
    }
    turn_->refuse_begins(std::move(reason));
  }

  void carry_out(Turn::Output out) {
    if (!out.store.empty() || (out.awaited && kept_back_)) {
      kept_back_ = !out.awaited;
      disk_->store(std::move(out.store), out.awaited);
    }
    if (!out.session.send.empty()) {
      std::vector<io::Outgoing> batch;
      batch.reserve(out.session.send.size());
      for (session::Send& send : out.session.send) batch.push_back({send.to, std::move(send.bytes)});
      clients_.send(std::move(batch));
    }
    for (session::Flow& flow : out.session.flow) {
      flow.read ? clients_.resume(flow.connection) : clients_.pause(flow.connection);
    }
    for (session::Close& close : out.session.close) clients_.close(close.connection, std::move(close.reason));
    for (const std::string& notice : out.notices) trace::info("{}", notice);
  }

  std::string health() const {
    const std::lock_guard guard(health_mutex_);
    return health_;
  }

  struct Starting {
    txn::State state;
    ring::Replica replica;
  };

  const Config config_;
  const io::SystemClock clock_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<log::Log> log_;
  log::IdentityFile identity_;
  Metrics metrics_;

  Mailbox<RingInput> inbox_;  // bounded by ClientPort::inputs_max and by what was handed to the disk
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  ClientPort port_;
  io::TcpServer clients_;
  admin::HttpServer http_;
  io::Endpoint listening_, http_endpoint_;

  // The ring thread's own.
  std::optional<Starting> starting_;
  std::optional<Turn> turn_;
  std::optional<std::string> log_problem_, room_problem_;
  Instant disk_looked_at_{};
  Duration disk_still_for_{0};  // it had work and finished none of it
  bool disk_hanging_ = false;
  bool kept_back_ = false;  // the disk may be keeping records back that nothing waited for

  mutable std::mutex health_mutex_;
  std::string health_;

  std::optional<Disk> disk_;
  std::optional<Keeper> keeper_;
  std::thread ring_thread_;
  std::thread network_thread_;
};

Result<std::unique_ptr<Server>> Server::start(const Config& config) {
  auto activated = activate(config);
  if (!activated) return activated.error();
  auto contents = std::make_unique<Contents>(config, *std::move(activated));
  if (auto started = contents->start(); !started) return started.error();
  return std::unique_ptr<Server>(new Server(std::move(contents)));
}

Server::Server(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
Server::~Server() = default;

io::Endpoint Server::listening() const { return contents_->listening(); }
io::Endpoint Server::http() const { return contents_->http(); }
void Server::inspect(Inspection inspection) { contents_->inspect(std::move(inspection)); }
void Server::stop() { contents_->stop(); }

}  // namespace torc::node
