#include "node/server.h"

#include <pthread.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "base/trace.h"
#include "io/asio/tcp_dialer.h"
#include "io/asio/tcp_server.h"
#include "io/clock.h"
#include "node/activation.h"
#include "node/admin_api.h"
#include "node/client_port.h"
#include "node/discovery.h"
#include "node/disk.h"
#include "node/hmac.h"
#include "node/keeper.h"
#include "node/log_reader.h"
#include "node/metrics.h"
#include "node/outage.h"
#include "node/peer_port.h"
#include "node/registrar.h"

namespace torc::node {

namespace {

// How long a clean end waits for the disk.
constexpr auto stop_within = std::chrono::milliseconds(700);
// How long a node that is alone may take to serve: its own disk is all that it waits for.
constexpr auto serve_within = std::chrono::seconds(20);
// S7: a disk that finishes nothing for so long is said to hang, and new work is refused.
constexpr Duration hanging_after = std::chrono::seconds(2);
// While it has work it is looked at so often.
constexpr Duration look_every = std::chrono::milliseconds(100);
constexpr Duration mark_every = std::chrono::seconds(10);  // R10
// How late a client may hear that what it watches has not changed.
constexpr auto discovery_tick_every = std::chrono::milliseconds(250);

void name_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

// A connection between nodes is read from however much is unsent: two that wait for each other would wait for ever.
io::TcpServerOptions between_nodes() {
  io::TcpServerOptions options;
  options.connections_max = 256;
  options.unsent_pause_bytes = options.unsent_bytes_max = 64 * 1024 * 1024;
  options.silence_max = Milliseconds(5'000);
  return options;
}

std::vector<std::string> ring_of(const Config& config) {
  if (config.cluster.nodes.empty()) return {config.name};
  std::vector<std::string> names;
  for (const RingNode& node : config.cluster.nodes) names.push_back(node.name);
  return names;
}

// Of requests to RMs: disjoint ranges per node (design, section 5).
void take_id_range(const Config& config, session::Options& options) {
  const std::vector<std::string> ring = ring_of(config);
  const auto place = static_cast<std::uint32_t>(std::ranges::find(ring, config.name) - ring.begin());
  const auto share = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max() / ring.size());
  options.first_request_id = 1 + place * share;
  options.last_request_id = (place + 1) * share;
}

// Each client of a ring may have a connection open that waits for a new primary (discovery.h).
admin::HttpServerOptions http_options() {
  admin::HttpServerOptions options;
  options.connections_max = Discovery::Options().held_max + 256;
  return options;
}

// The endpoints to dial, for the names that the mesh wants dialed.
std::vector<io::Endpoint> endpoints(const Config& config, const std::vector<std::string>& names) {
  std::vector<io::Endpoint> found;
  for (const std::string& name : names) found.push_back(config.cluster.find(name)->peer);
  return found;
}

}  // namespace

class Server::Contents {
 public:
  Contents(const Config& config, Activated activated)
      : config_(config),
        directory_(std::move(activated.directory)),
        log_(std::move(activated.log)),
        identity_(std::move(activated.identity)),
        store_(std::move(activated.store)),
        client_port_(inbox_),
        clients_(context_, client_port_, config.network),
        http_(context_, [this](admin::HttpRequest request, admin::HttpRespond respond) {
          if (!discovery_->handle(request, respond, clock_.now())) api_(std::move(request), std::move(respond));
        }, http_options()),
        discovery_tick_(context_),
        starting_(std::move(activated)) {}

  Result<void> start() {
    auto listening = clients_.listen(config_.listen);
    if (!listening) return listening.error();
    listening_ = *listening;
    auto http = http_.listen(config_.http);
    if (!http) return http.error();
    http_endpoint_ = *http;
    Cluster cluster = config_.cluster;
    if (alone()) cluster.nodes = {node_alone(config_, listening_, http_endpoint_)};
    discovery_.emplace(cluster.nodes);
    api_ = admin_api([this](Inspection inspection) { inbox_.put(std::move(inspection)); }, metrics_,
                     [this] { return health(); }, config_.name, std::move(cluster));
    make_turn();
    if (!alone()) {
      const std::vector<std::string> dialed = turn_->mesh().dials();
      peer_port_.emplace(inbox_, dialed);
      peers_.emplace(context_, *peer_port_, between_nodes());
      const auto own = config_.cluster.find(config_.name)->peer;
      if (auto bound = peers_->listen(own); !bound) return bound.error();
      dialer_.emplace(context_, *peer_port_, endpoints(config_, dialed), io::TcpDialerOptions{});
    }

    disk_.emplace(*directory_, *log_, identity_, inbox_, metrics_);
    reader_.emplace(*directory_, inbox_);
    registrar_.emplace(*store_, inbox_, !alone());
    keeper_.emplace(*directory_, *log_, replicated_, *disk_, inbox_, metrics_, config_);
    if (starting_->forming) inbox_.put(RegisterFound{*std::move(starting_->forming)});
    starting_.reset();
    auto serves = serves_.get_future();
    ring_thread_ = std::thread([this] { run_ring(); });
    // A node that is alone has nobody to ask on a client's behalf: it listens when it can answer.
    if (alone() && serves.wait_for(serve_within) != std::future_status::ready) {
      const std::string problem = health();
      stop();
      return Error{problem.empty() ? "the disk is too slow to begin with" : problem, Error::Kind::unavailable};
    }
    clients_.accept();
    http_.accept();
    tick_discovery();
    if (!alone()) {
      peers_->accept();
      dialer_->start();
    }
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
    registrar_.reset();
    boost::asio::post(context_, [this] {
      clients_.stop();
      http_.stop();
      discovery_tick_.cancel();
      if (dialer_) dialer_->stop();
      if (peers_) peers_->stop();
      work_.reset();
      context_.stop();
    });
    if (network_thread_.joinable()) network_thread_.join();
    disk_->give_up();
    keeper_.reset();
    reader_.reset();
    disk_.reset();
  }

  ~Contents() { stop(); }

  void inspect(Inspection inspection) { inbox_.put(std::move(inspection)); }
  io::Endpoint listening() const { return listening_; }
  io::Endpoint http() const { return http_endpoint_; }

 private:
  bool alone() const { return config_.cluster.nodes.empty(); }

  void make_turn() {
    const txn::Now now{clock_.now(), clock_.wall()};
    const ring::Speaker& self = starting_->self;
    Turn::Options options;
    options.txn = config_.txn;
    options.txn.address = config_.advertise.empty() ? listening_.text() : config_.advertise;
    options.ring = config_.ring;
    options.cluster_id = starting_->cluster_id;
    options.cut_tail = starting_->cut_tail;

    session::Options session = config_.session;
    session.entry = {self.member.incarnation, self.boot};
    session.keep_requests = !alone();
    take_id_range(config_, session);

    peer::MeshConfig mesh;
    mesh.introduction.self = {config_.name, peer::Kind::node, self.member.incarnation, self.boot};
    mesh.introduction.cluster = config_.cluster.name;
    const ByteView secret = as_bytes(config_.cluster.secret);
    mesh.introduction.secret.assign(secret.begin(), secret.end());
    mesh.introduction.hmac = hmac_sha256;
    mesh.nodes = ring_of(config_);
    mesh.timings = {config_.cluster.heartbeat, config_.cluster.suspicion};

    ring::Options ring;
    if (alone()) ring.tail_bytes = 0;  // nobody is fed
    disk_looked_at_ = next_mark_ = now.monotonic;
    turn_.emplace(std::move(options), std::move(session), std::move(mesh),
                  ring::Replica(self, std::move(starting_->recovered), ring), std::move(starting_->state), now);
  }

  // -- the ring thread: gather, then one turn, then carry out what it says --

  void run_ring() {
    name_thread("torc-ring");
    std::optional<Instant> stop_by;
    take_turn();
    while (true) {
      const auto until = stop_by ? stop_by : wake_up();
      for (RingInput& input : inbox_.take(until)) {
        if (std::holds_alternative<Stop>(input)) {
          stop_by = clock_.now() + stop_within;
        } else if (!stop_by || std::holds_alternative<DiskDone>(input) || std::holds_alternative<PeerFrames>(input)) {
          gather(std::move(input));
        }
      }
      take_turn();
      for (const ConnectionId id : client_port_.stalled()) clients_.resume(id);
      if (stop_by && (is_settled() || clock_.now() >= *stop_by)) return;
    }
  }

  // Nothing is under way that somebody waits for.
  bool is_settled() const {
    const ring::Replica& replica = turn_->replica();
    return !disk_works() && (!replica.serving() || replica.replicated() == replica.end().lsn);
  }

  void take_turn() {
    watch_disk();
    carry_out(turn_->run({clock_.now(), clock_.wall()}));
    announce();
    const View view = turn_->view().value ? turn_->view().value->number : View{};
    if (const auto took = outage_.look(turn_->reaches_primary(), view, clock_.now())) metrics_.took_over(*took);
    const ring::Replica& replica = turn_->replica();
    replicated_.store(replica.replicated().value, std::memory_order_release);
    if (replica.serving() && !has_served_) {
      has_served_ = true;
      serves_.set_value();
    }
    if (replica.serving() && clock_.now() >= next_mark_) {
      next_mark_ = clock_.now() + mark_every;
      if (!alone()) registrar_->note_replicated(replica.sealed(), replica.replicated());
    }
    metrics_.record(*turn_);
  }

  // Clients hear of the primary of a new view at once, also while it forms (design, section 5).
  void announce() {
    const std::optional<ring::Register>& view = turn_->view().value;
    if (!view || view->number <= announced_) return;
    announced_ = view->number;
    boost::asio::post(context_, [this, view = *view] { discovery_->view_changed(view); });
  }

  std::optional<Instant> wake_up() const {
    auto until = turn_->next_timer();
    if (disk_works()) {
      const Instant look = clock_.now() + look_every;
      until = until ? std::min(*until, look) : look;
    }
    return until;
  }

  void gather(RingInput input) {
    const txn::Now now{clock_.now(), clock_.wall()};
    std::visit([&](auto& what) { take(what, now); }, input);
  }

  void take(ClientFrames& frames, txn::Now now) {
    for (session::Received& frame : frames.frames) {
      turn_->received(frames.connection, std::move(frame), now.monotonic);
    }
  }
  void take(ClientOpened& opened, txn::Now now) {
    turn_->opened(opened.connection, std::move(opened.peer), now.monotonic);
  }
  void take(ClientClosed& closed, txn::Now now) { turn_->closed(closed.connection, now.monotonic); }
  void take(PeerOpened& opened, txn::Now now) {
    peer::Mesh& mesh = turn_->mesh();
    const peer::Transport transport{opened.address};
    if (opened.dialed.empty()) {
      mesh.accepted(opened.connection, transport, opened.nonce, now.monotonic);
    } else {
      mesh.dialed(opened.connection, opened.dialed, transport, opened.nonce, now.monotonic);
    }
  }
  void take(PeerFrames& frames, txn::Now now) {
    for (peer::Frame& frame : frames.frames) turn_->mesh().received(frames.connection, std::move(frame), now.monotonic);
  }
  void take(PeerClosed& closed, txn::Now) { turn_->mesh().closed(closed.connection, closed.reason); }
  void take(PeerRefused& refused, txn::Now) { turn_->mesh().refused(refused.node); }
  void take(DiskDone& done, txn::Now now) {
    done_ = done.order;
    disk_still_for_ = Duration::zero();
    turn_->done(done.order, now);
  }
  void take(DiskState& state, txn::Now) {
    (state.of == DiskState::Of::log ? log_problem_ : room_problem_) = std::move(state.problem);
    tell_health();
  }
  void take(RecordsRead& read, txn::Now) {
    if (!read.records) return turn_->not_fetched(read.request);
    turn_->fetched(read.request, *std::move(read.records));
  }
  void take(SnapshotRead& read, txn::Now) { turn_->fetched(read.request, std::move(read.part)); }
  void take(StateRebuilt& rebuilt, txn::Now now) { turn_->rebuilt(rebuilt.request, std::move(rebuilt.state), now); }
  void take(RegisterFound& found, txn::Now now) { turn_->learn(found.value, now); }
  void take(ViewActivated& activated, txn::Now now) { turn_->activated(activated.serving, now); }
  void take(Inspection& inspection, txn::Now) { turn_->inspect(std::move(inspection)); }
  void take(Stop&, txn::Now) {}

  // What was ordered is not all done.
  bool disk_works() const { return done_ < ordered_; }

  void watch_disk() {
    const Instant now = clock_.now();
    // Between two looks no more than twice the usual counts: when this process did not run at all (SIGSTOP, a guest
    // that was moved), that was not the disk.
    if (disk_works()) disk_still_for_ += std::min(now - disk_looked_at_, 2 * look_every);
    if (!disk_works()) disk_still_for_ = Duration::zero();
    disk_looked_at_ = now;
    const bool moves = disk_still_for_ < config_.cluster.suspicion;
    const bool hanging = disk_still_for_ >= hanging_after;
    if (moves != disk_moves_) {
      disk_moves_ = moves;
      turn_->set_disk({!log_problem_ && !room_problem_, disk_moves_});
    }
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
    turn_->set_disk({!log_problem_ && !room_problem_, disk_moves_});
    {
      const std::lock_guard guard(health_mutex_);
      health_ = reason.value_or("");
    }
    turn_->refuse_begins(std::move(reason));
  }

  void carry_out(Turn::Output out) {
    if (!out.disk.empty() || (out.awaited && kept_back_)) {
      if (!out.disk.empty()) ordered_ = out.disk.back().number;
      kept_back_ = !out.awaited;
      disk_->carry_out(std::move(out.disk), out.awaited);
    }
    send_to_clients(std::move(out.session));
    send_to_peers(std::move(out.peers));
    for (ring::FetchRecords& fetch : out.fetch_records) reader_->fetch(std::move(fetch));
    for (ring::FetchSnapshot& fetch : out.fetch_snapshots) reader_->fetch(std::move(fetch));
    if (out.rebuild) reader_->rebuild(*std::move(out.rebuild));
    if (out.activate) registrar_->activate(*std::move(out.activate));
    for (const std::string& notice : out.notices) trace::info("{}", notice);
  }

  void send_to_clients(session::Output out) {
    if (!out.send.empty()) {
      std::vector<io::Outgoing> batch;
      batch.reserve(out.send.size());
      for (session::Send& send : out.send) batch.push_back({send.to, std::move(send.bytes)});
      clients_.send(std::move(batch));
    }
    for (session::Flow& flow : out.flow) {
      flow.read ? clients_.resume(flow.connection) : clients_.pause(flow.connection);
    }
    for (session::Close& close : out.close) clients_.close(close.connection, std::move(close.reason));
  }

  void send_to_peers(peer::Output out) {
    std::vector<io::Outgoing> accepted, dialed;
    for (peer::Outgoing& send : out.send) {
      (io::is_dialed(send.to) ? dialed : accepted).push_back({send.to, std::move(send.bytes)});
    }
    if (!accepted.empty()) peers_->send(std::move(accepted));
    if (!dialed.empty()) dialer_->send(std::move(dialed));
    for (peer::Close& close : out.close) {
      if (io::is_dialed(close.connection)) {
        dialer_->drop(close.connection, std::move(close.reason));
      } else {
        peers_->drop(close.connection, std::move(close.reason));
      }
    }
  }

  // -- the network thread --

  void tick_discovery() {
    discovery_tick_.expires_after(discovery_tick_every);
    discovery_tick_.async_wait([this](boost::system::error_code stopped) {
      if (stopped) return;
      discovery_->tick(clock_.now());
      tick_discovery();
    });
  }

  std::string health() const {
    const std::lock_guard guard(health_mutex_);
    return health_;
  }

  const Config config_;
  const io::SystemClock clock_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<log::Log> log_;
  log::IdentityFile identity_;
  std::unique_ptr<control::Store> store_;
  Metrics metrics_;

  Mailbox<RingInput> inbox_;  // bounded by ClientPort::inputs_max and by what was handed to the other threads
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  ClientPort client_port_;
  io::TcpServer clients_;
  admin::HttpServer http_;
  // The network thread's, once it runs.
  admin::HttpHandler api_;
  std::optional<Discovery> discovery_;
  boost::asio::steady_timer discovery_tick_;
  std::optional<PeerPort<RingInput>> peer_port_;
  std::optional<io::TcpServer> peers_;
  std::optional<io::TcpDialer> dialer_;
  io::Endpoint listening_, http_endpoint_;

  // The ring thread's own.
  std::optional<Activated> starting_;
  std::optional<Turn> turn_;
  std::optional<std::string> log_problem_, room_problem_;
  std::uint64_t ordered_ = 0, done_ = 0;  // disk orders
  Instant disk_looked_at_{};
  Duration disk_still_for_{0};  // it had work and finished none of it
  bool disk_moves_ = true;
  bool disk_hanging_ = false;
  bool kept_back_ = false;  // the disk may be keeping records back that nothing waited for
  bool has_served_ = false;
  Instant next_mark_{};
  View announced_;
  Outage outage_;

  std::promise<void> serves_;
  std::atomic<std::uint64_t> replicated_ = 0;
  mutable std::mutex health_mutex_;
  std::string health_;

  std::optional<Disk> disk_;
  std::optional<LogReader> reader_;
  std::optional<Registrar> registrar_;
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
