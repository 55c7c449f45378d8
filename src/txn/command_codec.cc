#include "txn/command_codec.h"

#include <fmt/format.h>

#include <utility>

#include "txn/field.h"
#include "txn/key_codec.h"

namespace torc::txn {

namespace {

// The first byte of everything here. A number stands for one layout of all of it; a new layout takes a new number.
constexpr std::uint8_t format = 1;

// What a command or an answer is: its place in the variant, which so must not change within a format.
static_assert(std::variant_size_v<Command> == 12 && std::variant_size_v<Answer> == 5);

void write(ByteWriter& out, TransactionId id) { out.u64(id.value); }
void write(ByteWriter& out, BranchId id) { out.u64(id.value); }
void write(ByteWriter& out, bool flag) { out.u8(flag ? 1 : 0); }
void write(ByteWriter& out, GlobalStatus status) { out.u8(static_cast<std::uint8_t>(status)); }
void write(ByteWriter& out, BranchStatus status) { out.u8(static_cast<std::uint8_t>(status)); }
void write(ByteWriter& out, BranchType type) { out.u8(static_cast<std::uint8_t>(type)); }

TransactionId read_transaction_id(ByteReader& in) { return {in.u64()}; }
BranchId read_branch_id(ByteReader& in) { return {in.u64()}; }

// An enumeration without gaps, from 0 to `last`.
template <class E>
E read_choice(ByteReader& in, E last) {
  const std::uint8_t number = in.u8();
  if (number > static_cast<std::uint8_t>(last)) return in.fail(), E{};
  return static_cast<E>(number);
}

// -- commands

void write(ByteWriter& out, const Begin& c) {
  out.u64(static_cast<std::uint64_t>(c.timeout.count()));
  out.string(c.name);
  out.string(c.application);
  out.string(c.group);
}
void write(ByteWriter& out, const Commit& c) { write(out, c.transaction); }
void write(ByteWriter& out, const Rollback& c) { write(out, c.transaction); }
void write(ByteWriter& out, const StatusQuery& c) { write(out, c.transaction); }
void write(ByteWriter& out, const Report& c) {
  write(out, c.transaction);
  write(out, c.status.has_value());
  if (c.status) write(out, *c.status);
}
void write(ByteWriter& out, const BranchRegister& c) {
  write(out, c.transaction);
  write(out, c.type);
  out.string(c.resource);
  out.string(c.lock_key);
  out.string(c.application_data);
  out.string(c.client_id);
  write(out, c.may_wait);
}
void write(ByteWriter& out, const BranchReport& c) {
  write(out, c.transaction);
  write(out, c.branch);
  write(out, c.status);
  out.string(c.application_data);
}
void write(ByteWriter& out, const LockQuery& c) {
  write(out, c.transaction);
  out.string(c.resource);
  out.string(c.lock_key);
}
void write(ByteWriter& out, const BranchResult& c) {
  write(out, c.transaction);
  write(out, c.branch);
  out.u64(c.attempt);
  write(out, c.commit);
  out.u8(static_cast<std::uint8_t>(c.ending));
  write(out, c.status);
  out.string(c.reason);
}
void write(ByteWriter& out, const ConnectionLost& c) {
  write(out, c.entry);
  write_short(out, c.connection.value);
}
void write(ByteWriter& out, const EntryLost& c) { write(out, c.entry); }
void write(ByteWriter& out, const ClientRegistered& c) {
  out.string(c.application);
  out.string(c.ip);
  out.string(c.version);
  out.u32(static_cast<std::uint32_t>(c.resources.size()));
  for (const std::string& resource : c.resources) out.string(resource);
}

void read(ByteReader& in, Begin& c) {
  c.timeout = Milliseconds(in.i64());
  c.name = in.string();
  c.application = in.string();
  c.group = in.string();
}
void read(ByteReader& in, Commit& c) { c.transaction = read_transaction_id(in); }
void read(ByteReader& in, Rollback& c) { c.transaction = read_transaction_id(in); }
void read(ByteReader& in, StatusQuery& c) { c.transaction = read_transaction_id(in); }
void read(ByteReader& in, Report& c) {
  c.transaction = read_transaction_id(in);
  if (read_flag(in)) c.status = read_global_status(in);
}
void read(ByteReader& in, BranchRegister& c) {
  c.transaction = read_transaction_id(in);
  c.type = read_branch_type(in);
  c.resource = in.string();
  c.lock_key = in.string();
  c.application_data = in.string();
  c.client_id = in.string();
  c.may_wait = read_flag(in);
}
void read(ByteReader& in, BranchReport& c) {
  c.transaction = read_transaction_id(in);
  c.branch = read_branch_id(in);
  c.status = read_branch_status(in);
  c.application_data = in.string();
}
void read(ByteReader& in, LockQuery& c) {
  c.transaction = read_transaction_id(in);
  c.resource = in.string();
  c.lock_key = in.string();
}
void read(ByteReader& in, BranchResult& c) {
  c.transaction = read_transaction_id(in);
  c.branch = read_branch_id(in);
  c.attempt = in.u64();
  c.commit = read_flag(in);
  c.ending = read_choice(in, BranchResult::Ending::timed_out);
  c.status = read_branch_status(in);
  c.reason = in.string();
}
void read(ByteReader& in, ConnectionLost& c) {
  c.entry = read_entry_node(in);
  c.connection = {read_short(in)};
}
void read(ByteReader& in, EntryLost& c) { c.entry = read_entry_node(in); }
void read(ByteReader& in, ClientRegistered& c) {
  c.application = in.string();
  c.ip = in.string();
  c.version = in.string();
  const std::uint32_t resources = in.u32();
  for (std::uint32_t i = 0; i < resources && in.ok(); ++i) c.resources.emplace_back(in.string());
}

// -- answers

void write(ByteWriter& out, const std::optional<Failure>& failure) {
  write(out, failure.has_value());
  if (!failure) return;
  out.u8(static_cast<std::uint8_t>(failure->code));
  out.string(failure->message);
}
std::optional<Failure> read_failure(ByteReader& in) {
  if (!read_flag(in)) return std::nullopt;
  Failure failure;
  failure.code = read_choice(in, ErrorCode::broken);
  failure.message = in.string();
  return failure;
}

void write(ByteWriter& out, const Xid& xid) {
  out.string(xid.address);
  write(out, xid.id);
}
Xid read_xid(ByteReader& in) {
  Xid xid;
  xid.address = in.string();
  xid.id = read_transaction_id(in);
  return xid;
}

void write(ByteWriter& out, const BeginAnswer& a) {
  write(out, a.failure);
  write(out, a.xid);
}
void write(ByteWriter& out, const StatusAnswer& a) {
  out.u8(static_cast<std::uint8_t>(a.to));
  write(out, a.failure);
  write(out, a.status);
}
void write(ByteWriter& out, const BranchRegisterAnswer& a) {
  write(out, a.failure);
  write(out, a.branch);
}
void write(ByteWriter& out, const BranchReportAnswer& a) { write(out, a.failure); }
void write(ByteWriter& out, const LockQueryAnswer& a) { write(out, a.lockable); }

void read(ByteReader& in, BeginAnswer& a) {
  a.failure = read_failure(in);
  a.xid = read_xid(in);
}
void read(ByteReader& in, StatusAnswer& a) {
  a.to = read_choice(in, StatusAnswer::To::report);
  a.failure = read_failure(in);
  a.status = read_global_status(in);
}
void read(ByteReader& in, BranchRegisterAnswer& a) {
  a.failure = read_failure(in);
  a.branch = read_branch_id(in);
}
void read(ByteReader& in, BranchReportAnswer& a) { a.failure = read_failure(in); }
void read(ByteReader& in, LockQueryAnswer& a) { a.lockable = read_flag(in); }

// -- one of several

template <class... Alternatives>
void write_one_of(ByteWriter& out, const std::variant<Alternatives...>& variant) {
  out.u8(static_cast<std::uint8_t>(variant.index()));
  std::visit([&](const auto& alternative) { write(out, alternative); }, variant);
}

template <class... Alternatives>
void read_one_of(ByteReader& in, std::variant<Alternatives...>& variant) {
  const std::uint8_t wanted = in.u8();
  std::uint8_t index = 0;
  const bool is_one = ((index++ == wanted && (read(in, variant.template emplace<Alternatives>()), true)) || ...);
  if (!is_one) in.fail();
}

// -- whole messages

void write(ByteWriter& out, const Request& request) {
  write(out, request.key);
  write_short(out, request.handled);
  write_one_of(out, request.command);
}
void read(ByteReader& in, Request& request) {
  request.key = read_request_key(in);
  request.handled = read_short(in);
  read_one_of(in, request.command);
  if (has_answer(request.command) != (request.key.number != 0)) in.fail();
}

void write(ByteWriter& out, const Reply& reply) {
  write(out, reply.to);
  write_one_of(out, reply.answer);
}
void read(ByteReader& in, Reply& reply) {
  reply.to = read_request_key(in);
  read_one_of(in, reply.answer);
}

void write(ByteWriter& out, const PhaseTwo& request) {
  write(out, request.commit);
  write(out, request.xid);
  write(out, request.branch);
  out.u64(request.attempt);
  write(out, request.type);
  out.string(request.resource);
  out.string(request.application_data);
  out.string(request.client_id);
}
void read(ByteReader& in, PhaseTwo& request) {
  request.commit = read_flag(in);
  request.xid = read_xid(in);
  request.branch = read_branch_id(in);
  request.attempt = in.u64();
  request.type = read_branch_type(in);
  request.resource = in.string();
  request.application_data = in.string();
  request.client_id = in.string();
}

template <class Message>
void encode_one(const Message& message, Bytes& bytes) {
  ByteWriter out(bytes);
  out.u8(format);
  write(out, message);
}

template <class Message>
Result<Message> decode_one(ByteView bytes) {
  ByteReader in(bytes);
  const std::uint8_t found = in.u8();
  if (found != format) return Error{fmt::format("a forwarded message of unknown format {}", found)};
  Message message;
  read(in, message);
  if (!in.done()) return Error{fmt::format("a forwarded message does not fit its {} bytes", bytes.size())};
  return message;
}

// A 32-bit length before each.
template <class Message>
void encode_all(std::span<const Message> messages, Bytes& bytes) {
  ByteWriter out(bytes);
  for (const Message& message : messages) {
    const std::size_t length_at = out.size();
    out.u32(0);
    encode_one(message, bytes);
    out.patch_u32(length_at, static_cast<std::uint32_t>(out.size() - length_at - sizeof(std::uint32_t)));
  }
}

template <class Message>
Result<std::vector<Message>> decode_all(ByteView bytes) {
  std::vector<Message> messages;
  for (ByteReader in(bytes); in.left() > 0;) {
    const ByteView one = in.bytes(in.u32());
    if (!in.ok()) return Error{"a forwarded message is cut short"};
    auto message = decode_one<Message>(one);
    if (!message) return message.error();
    messages.push_back(std::move(message).value());
  }
  return messages;
}

}  // namespace

void encode(const Request& request, Bytes& out) { encode_one(request, out); }
void encode(const Reply& reply, Bytes& out) { encode_one(reply, out); }
void encode(const PhaseTwo& request, Bytes& out) { encode_one(request, out); }

Result<Request> decode_request(ByteView bytes) { return decode_one<Request>(bytes); }
Result<Reply> decode_reply(ByteView bytes) { return decode_one<Reply>(bytes); }
Result<PhaseTwo> decode_phase_two(ByteView bytes) { return decode_one<PhaseTwo>(bytes); }

void encode(std::span<const Request> requests, Bytes& out) { encode_all(requests, out); }
void encode(std::span<const Reply> replies, Bytes& out) { encode_all(replies, out); }
void encode(std::span<const PhaseTwo> requests, Bytes& out) { encode_all(requests, out); }

Result<std::vector<Request>> decode_requests(ByteView bytes) { return decode_all<Request>(bytes); }
Result<std::vector<Reply>> decode_replies(ByteView bytes) { return decode_all<Reply>(bytes); }
Result<std::vector<PhaseTwo>> decode_phase_twos(ByteView bytes) { return decode_all<PhaseTwo>(bytes); }

}  // namespace torc::txn
