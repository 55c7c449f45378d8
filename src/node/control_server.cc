#include "node/control_server.h"

#include <fmt/format.h>
#include <pthread.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "admin/http_server.h"
#include "base/trace.h"
#include "control/controller.h"
#include "control/store/etcd.h"
#include "control/store/key_space.h"
#include "control/store/store_server.h"
#include "io/asio/tcp_dialer.h"
#include "io/clock.h"
#include "node/announcement.h"
#include "node/hmac.h"
#include "node/mailbox.h"
#include "node/peer_port.h"
#include "node/metrics.h"
#include "node/ring_view_json.h"
#include "node/takeovers.h"
#include "node/transaction_json.h"
#include "peer/mesh.h"

namespace torc::node {

namespace {

constexpr Duration beat_every = std::chrono::milliseconds(20);
constexpr Duration lead_every = std::chrono::milliseconds(700);
constexpr Milliseconds lead_ttl{2'000};
constexpr Milliseconds watch_for{500};
constexpr auto store_tick_every = std::chrono::milliseconds(100);
constexpr auto retry_after = std::chrono::milliseconds(50);
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

// What an operator asks, with the way back.
struct Ask {
  std::function<void()> look;  // on the loop thread
};
struct ReadDone {
  Result<control::Versioned> result;
};
struct SwapDone {
  Result<bool> result;
};
struct Found {
  control::Versioned value;
};
struct Leads {
  bool leads;
  std::optional<std::string> leader;  // if known
};
struct End {};

using LoopInput =
    std::variant<PeerOpened, PeerFrames, PeerClosed, PeerRefused, ReadDone, SwapDone, Found, Leads, Ask, End>;

struct Read {};
struct Elect {};
struct Resign {};
using StoreOrder = std::variant<Read, control::Swap, Elect, Resign, End>;

control::Policy policy_of(const ControlConfig& config) {
  control::Policy policy = config.policy;
  for (const RingNode& node : config.cluster.nodes) policy.ring.push_back({node.name, node.room});
  policy.suspicion = config.cluster.suspicion;
  return policy;
}

std::vector<std::string> names_of(const Cluster& cluster) {
  std::vector<std::string> names;
  for (const RingNode& node : cluster.nodes) names.push_back(node.name);
  return names;
}

}  // namespace

class ControlServer::Contents {
 public:
  explicit Contents(const ControlConfig& config)
      : config_(config),
        http_(context_, [this](admin::HttpRequest request, admin::HttpRespond respond) {
          handle(std::move(request), std::move(respond));
        }, admin::HttpServerOptions{}),
        store_tick_(context_) {}

  Result<void> start() {
    if (!config_.data.empty()) {
      auto directory = io::open_directory(config_.data);
      if (!directory) return directory.error();
      directory_ = *std::move(directory);
      if (auto locked = directory_->lock(); !locked) return locked.error();
      auto keys = control::KeySpace::open(*directory_, clock_.now());
      if (!keys) return keys.error();
      keys_.emplace(*std::move(keys));
      store_server_.emplace(*keys_);
    }
    auto listening = http_.listen(config_.http);
    if (!listening) return listening.error();
    http_endpoint_ = *listening;

    control::EtcdOptions etcd;
    etcd.endpoints = config_.cluster.store;
    etcd.answer_within = config_.cluster.suspicion;  // a member that is cut off costs a takeover no more than that
    if (keys_) etcd.endpoints = {http_endpoint_};
    etcd.names = {config_.cluster.name, fmt::format("{}", config_.ring)};
    store_ = std::make_unique<control::EtcdStore>(etcd);

    peer::MeshConfig mesh;
    mesh.introduction.self = {config_.name, peer::Kind::control, Incarnation{io::random_u64()}, Boot{1}};
    mesh.introduction.cluster = config_.cluster.name;
    const ByteView secret = as_bytes(config_.cluster.secret);
    mesh.introduction.secret.assign(secret.begin(), secret.end());
    mesh.introduction.hmac = hmac_sha256;
    mesh.nodes = names_of(config_.cluster);
    mesh.timings = {config_.cluster.heartbeat, config_.cluster.suspicion};
    mesh_.emplace(std::move(mesh));

    const std::vector<std::string> dialed = mesh_->dials();
    peer_port_.emplace(inbox_, dialed);
    std::vector<io::Endpoint> endpoints;
    for (const std::string& name : dialed) endpoints.push_back(config_.cluster.find(name)->peer);
    dialer_.emplace(context_, *peer_port_, std::move(endpoints), io::TcpDialerOptions{});

    http_.accept();
    dialer_->start();
    if (store_server_) tick_store();
    network_thread_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "torc-network");
      context_.run();
    });
    store_thread_ = std::thread([this] { run_store(); });
    watch_thread_ = std::thread([this] { run_watch(); });
    loop_thread_ = std::thread([this] { run_loop(); });
    return {};
  }

  void stop() {
    if (!loop_thread_.joinable()) return;
    ending_ = true;
    inbox_.put(End{});
    loop_thread_.join();
    orders_.put(Resign{});
    orders_.put(End{});
    store_thread_.join();
    watch_thread_.join();
    boost::asio::post(context_, [this] {
      store_tick_.cancel();
      http_.stop();
      dialer_->stop();
      work_.reset();
      context_.stop();
    });
    network_thread_.join();
  }

  ~Contents() { stop(); }
  io::Endpoint http() const { return http_endpoint_; }

 private:
  // -- the loop thread --

  void run_loop() {
    ::pthread_setname_np(::pthread_self(), "torc-loop");
    // R10: which store this is. Until it answers nothing can be decided anyway.
    std::string cluster_id;
    while (!ending_) {
      if (const auto id = store_->cluster_id()) {
        cluster_id = *id;
        break;
      }
      std::this_thread::sleep_for(retry_after);
    }
    controller_.emplace(policy_of(config_), cluster_id, clock_.now());
    Instant next_lead = clock_.now();
    while (true) {
      for (LoopInput& input : inbox_.take(clock_.now() + beat_every)) {
        if (std::holds_alternative<End>(input)) return;
        gather(std::move(input));
      }
      const Instant now = clock_.now();
      if (now >= next_lead) {
        next_lead = now + lead_every;
        orders_.put(Elect{});
      }
      mesh_->tick(now);
      take_from_mesh(now);
      controller_->tick(now);
      carry_out(controller_->take_output());
      send_to_nodes();
    }
  }

  void gather(LoopInput input) {
    const Instant now = clock_.now();
    if (auto* opened = std::get_if<PeerOpened>(&input)) {
      mesh_->dialed(opened->connection, opened->dialed, {opened->address}, opened->nonce, now);
    } else if (auto* frames = std::get_if<PeerFrames>(&input)) {
      for (peer::Frame& frame : frames->frames) mesh_->received(frames->connection, std::move(frame), now);
    } else if (auto* closed = std::get_if<PeerClosed>(&input)) {
      mesh_->closed(closed->connection, closed->reason);
    } else if (auto* refused = std::get_if<PeerRefused>(&input)) {
      mesh_->refused(refused->node);
    } else if (auto* read = std::get_if<ReadDone>(&input)) {
      controller_->read(read->result, now);
    } else if (auto* swapped = std::get_if<SwapDone>(&input)) {
      controller_->swapped(swapped->result, now);
    } else if (auto* found = std::get_if<Found>(&input)) {
      controller_->found(found->value, now);
    } else if (auto* leads = std::get_if<Leads>(&input)) {
      if (leads->leads != leads_) {
        trace::info("{}", leads->leads ? "this control module is elected" : "another control module is elected");
      }
      leads_ = leads->leads;
      leader_ = std::move(leads->leader);
      controller_->lead(leads_, now);
    } else if (auto* ask = std::get_if<Ask>(&input)) {
      ask->look();
    }
  }

  void take_from_mesh(Instant now) {
    peer::Output out = mesh_->take_output();
    for (peer::LinkEvent& event : out.events) {
      using What = peer::LinkEvent::What;
      if (event.what == What::closed || event.what == What::refused) controller_->connection_lost(event.peer.name, now);
      if (event.what == What::up) trace::info("link to node {} is up", event.peer.name);
      if (event.what == What::suspected) trace::info("link to node {} is silent", event.peer.name);
      if (event.what == What::closed) trace::info("link to node {} is closed: {}", event.peer.name, event.reason);
    }
    for (peer::Delivery& delivery : out.delivered) {
      if (delivery.from.kind != peer::Kind::node) continue;
      if (delivery.channel == peer::Channel::announce) {
        if (auto value = decode_announcement(delivery.payload)) controller_->found(*value, now);
      }
      if (delivery.channel != peer::Channel::report) continue;
      auto reports = control::decode_reports(delivery.payload);
      if (!reports) {
        trace::warn("{} sent a report that cannot be read: {}", delivery.from.name, reports.error().message);
        continue;
      }
      for (const control::Relayed& each : reports->reports) {
        const auto known = seen_.find(each.report.member.node);
        if (known == seen_.end() || each.age <= Milliseconds(0) || now - known->second.at > beat_every * 10) {
          seen_[each.report.member.node] = {each.report, now - each.age};
        }
      }
      controller_->reports(*reports, now);
      // What it missed it is told again.
      const control::Versioned& in_force = controller_->known();
      const control::Report& own = reports->reports.front().report;
      if (!in_force.value) continue;
      const View newest = in_force.value->number;
      if (own.highest_view_seen < newest || own.role_view < newest) tell(delivery.from.name, in_force);
    }
    keep(std::move(out));
  }

  void carry_out(control::Output out) {
    if (out.swap) {
      trace::info("view {}: {} with {}, from {}", out.swap->next.number.value, out.swap->next.primary.node,
                  out.swap->next.backup ? out.swap->next.backup->node : "nobody", out.swap->next.source.node);
      takeovers_.decided(*out.swap, clock_.now(), clock_.wall());
      orders_.put(*std::move(out.swap));
    }
    if (out.read) orders_.put(Read{});
    if (out.announce) {
      takeovers_.in_force(*out.announce->value, clock_.now(), clock_.wall());
      mesh_->broadcast(peer::Kind::node, peer::Channel::announce, encode_announcement(*out.announce));
    }
    for (const std::string& notice : out.notices) trace::info("{}", notice);
    if (out.alarms) {
      alarms_ = *std::move(out.alarms);
      for (const std::string& alarm : alarms_) trace::warn("alarm: {}", alarm);
      if (alarms_.empty()) trace::info("no alarms");
    }
  }

  void tell(const std::string& node, const control::Versioned& value) {
    mesh_->send(node, peer::Channel::announce, encode_announcement(value));
  }

  void keep(peer::Output out) {
    unsent_.send.insert(unsent_.send.end(), std::make_move_iterator(out.send.begin()),
                        std::make_move_iterator(out.send.end()));
    unsent_.close.insert(unsent_.close.end(), std::make_move_iterator(out.close.begin()),
                         std::make_move_iterator(out.close.end()));
  }

  void send_to_nodes() {
    keep(mesh_->take_output());
    std::vector<io::Outgoing> batch;
    for (peer::Outgoing& send : unsent_.send) batch.push_back({send.to, std::move(send.bytes)});
    if (!batch.empty()) dialer_->send(std::move(batch));
    for (peer::Close& close : unsent_.close) dialer_->drop(close.connection, std::move(close.reason));
    unsent_ = {};
  }

  // -- the store's threads --

  void run_store() {
    ::pthread_setname_np(::pthread_self(), "torc-store");
    while (true) {
      for (StoreOrder& order : orders_.take()) {
        if (std::holds_alternative<End>(order)) return;
        if (std::holds_alternative<Read>(order)) inbox_.put(ReadDone{store_->read()});
        if (const auto* swap = std::get_if<control::Swap>(&order)) {
          inbox_.put(SwapDone{store_->compare_and_swap(swap->version, swap->next)});
        }
        if (std::holds_alternative<Elect>(order)) {
          inbox_.put(elect());
        }
        if (std::holds_alternative<Resign>(order)) {
          if (const auto resigned = store_->resign(); !resigned) trace::debug("{}", resigned.error().message);
        }
      }
    }
  }

  Leads elect() {
    const auto leads = store_->lead(config_.name, lead_ttl);
    if (leads && *leads) return {true, config_.name};
    const auto leader = store_->leader();
    return {false, leader ? *leader : std::nullopt};
  }

  void run_watch() {
    ::pthread_setname_np(::pthread_self(), "torc-watch");
    std::uint64_t version = 0;
    while (!ending_) {
      auto found = store_->wait_newer(version, watch_for);
      if (!found) {
        std::this_thread::sleep_for(retry_after);
        continue;
      }
      if (found->version == version) continue;
      version = found->version;
      inbox_.put(Found{*std::move(found)});
    }
  }

  // -- the network thread --

  void tick_store() {
    store_tick_.expires_after(store_tick_every);
    store_tick_.async_wait([this](boost::system::error_code stopped) {
      if (stopped) return;
      store_server_->tick(clock_.now());
      tick_store();
    });
  }

  void handle(admin::HttpRequest request, admin::HttpRespond respond) {
    if (store_server_ && request.path.starts_with("/v3/")) {
      const auto pass_on = [respond](control::StoreServer::Answer answer) {
        respond({answer.status, "application/json", std::move(answer.body), {}});
      };
      return store_server_->handle(request.path, request.body, clock_.now(), pass_on);
    }
    const bool get = request.method == "GET", post = request.method == "POST";
    if (request.path == "/health" && get) return respond({200, "text/plain; charset=utf-8", "ok\n", {}});
    if (request.path == "/metrics" && get) {
      return ask(respond, [this] {
        return admin::HttpResponse{200, metrics_type, control_metrics_text(numbers()), {}};
      });
    }
    if (request.path == "/v1/ring" && get) {
      return ask(respond, [this] { return json_response(200, ring_view_json(look(), config_.cluster)); });
    }
    if (request.path == "/v1/ring/move" && post) {
      const auto node = request.query.find("node");
      if (node == request.query.end()) return respond(json_response(400, error_json("move to which node? ?node=NAME")));
      return ask(respond, [this, to = node->second] { return move(to); });
    }
    respond(json_response(404, error_json(fmt::format("there is nothing at {} {}", request.method,
                                                      readable(request.path)))));
  }

  static admin::HttpResponse json_response(unsigned status, std::string body) {
    return {status, "application/json", std::move(body), {}};
  }

  // `answer` is made on the loop thread.
  void ask(const admin::HttpRespond& respond, std::function<admin::HttpResponse()> answer) {
    inbox_.put(Ask{[respond, answer = std::move(answer)] { respond(answer()); }});
  }

  // -- what people are shown; on the loop thread --

  RingView look() const {
    const Instant now = clock_.now();
    RingView ring;
    ring.seen_by = "control " + config_.name;
    ring.in_force = controller_->known().value;
    for (const auto& [node, seen] : seen_) {
      ring.reports.push_back({seen.report, std::chrono::ceil<Milliseconds>(now - seen.at)});
    }
    ring.control = {leads_, leader_, controller_->wanted(), alarms_, takeovers_.last()};
    return ring;
  }

  ControlNumbers numbers() const {
    const Instant now = clock_.now();
    ControlNumbers found;
    found.elected = leads_;
    found.alarms = alarms_.size();
    found.view_changes = takeovers_.count();
    if (const auto& view = controller_->known().value) {
      found.view = view->number.value;
      found.serving = view->state == ring::Register::State::serving;
    }
    for (const auto& [node, seen] : seen_) found.nodes_heard += now - seen.at <= config_.cluster.suspicion ? 1 : 0;
    return found;
  }

  admin::HttpResponse move(const std::string& to) {
    const auto moved = controller_->move(to, clock_.now());
    if (moved) return json_response(202, "{}\n");
    if (moved.error().kind == Error::Kind::invalid) {
      return json_response(400, error_json(readable(moved.error().message)));
    }
    const std::string who = leader_ ? fmt::format("{} is: ask that one", *leader_) : "who is, it does not know";
    return json_response(409, error_json(fmt::format("{} is not the elected control module; {}", config_.name, who)));
  }

  struct Seen {
    control::Report report;
    Instant at;
  };

  const ControlConfig config_;
  const io::SystemClock clock_;
  std::unique_ptr<io::Directory> directory_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  admin::HttpServer http_;
  io::Endpoint http_endpoint_;
  std::optional<control::KeySpace> keys_;             // the network thread's, once it runs
  std::optional<control::StoreServer> store_server_;  // the same
  boost::asio::steady_timer store_tick_;
  std::unique_ptr<control::Store> store_;

  Mailbox<LoopInput> inbox_;    // bounded by heartbeats and what was handed to the store
  Mailbox<StoreOrder> orders_;  // one read, one swap, one election at a time
  std::optional<PeerPort<LoopInput>> peer_port_;
  std::optional<io::TcpDialer> dialer_;
  std::atomic<bool> ending_ = false;

  // The loop thread's own.
  std::optional<peer::Mesh> mesh_;
  std::optional<control::Controller> controller_;
  bool leads_ = false;
  std::map<std::string, Seen> seen_;
  std::vector<std::string> alarms_;
  std::optional<std::string> leader_;
  Takeovers takeovers_;
  peer::Output unsent_;

  std::thread network_thread_, store_thread_, watch_thread_, loop_thread_;
};

Result<std::unique_ptr<ControlServer>> ControlServer::start(const ControlConfig& config) {
  auto contents = std::make_unique<Contents>(config);
  if (auto started = contents->start(); !started) return started.error();
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(contents)));
}

ControlServer::ControlServer(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
ControlServer::~ControlServer() = default;
io::Endpoint ControlServer::http() const { return contents_->http(); }
void ControlServer::stop() { contents_->stop(); }

}  // namespace torc::node
