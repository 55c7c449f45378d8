#include "session/client_change.h"

#include <cstdint>
#include <utility>

#include "session/texts.h"

namespace torc::session {

namespace {

enum class Kind : std::uint8_t { reset = 0, updated = 1, gone = 2 };

constexpr std::uint8_t flag_tm = 1, flag_rm = 2;

struct Write {
  ByteWriter out;

  void operator()(const ClientsReset&) { kind(Kind::reset); }
  void operator()(const ClientUpdated& client) {
    kind(Kind::updated);
    out.u64(client.connection.value);
    out.u8(static_cast<std::uint8_t>((client.tm ? flag_tm : 0) | (client.rm ? flag_rm : 0)));
    out.string(client.application);
    out.string(client.peer);
    out.string(client.version);
    out.u32(static_cast<std::uint32_t>(client.resources.size()));
    for (const std::string& resource : client.resources) out.string(resource);
  }
  void operator()(const ClientGone& client) {
    kind(Kind::gone);
    out.u64(client.connection.value);
  }
  void kind(Kind kind) { out.u8(static_cast<std::uint8_t>(kind)); }
};

// No longer than a client may say it.
std::string read_text(ByteReader& in, std::size_t bytes_max) {
  const std::string_view text = in.string();
  if (text.size() > bytes_max) in.fail();
  return std::string(text);
}

ClientUpdated read_updated(ByteReader& in) {
  ClientUpdated client;
  client.connection = {in.u64()};
  const std::uint8_t flags = in.u8();
  if (flags == 0 || flags > (flag_tm | flag_rm)) in.fail();
  client.tm = (flags & flag_tm) != 0;
  client.rm = (flags & flag_rm) != 0;
  client.application = read_text(in, name_bytes_max);
  client.peer = read_text(in, name_bytes_max);
  client.version = read_text(in, name_bytes_max);
  const std::uint32_t count = in.u32();
  if (count > resources_per_change) in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (client.resources.emplace_back(read_text(in, resource_bytes_max)).empty()) in.fail();
  }
  return client;
}

ClientChange read_change(ByteReader& in) {
  switch (static_cast<Kind>(in.u8())) {
    case Kind::reset:
      return ClientsReset{};
    case Kind::updated:
      return read_updated(in);
    case Kind::gone:
      return ClientGone{{in.u64()}};
  }
  in.fail();
  return ClientsReset{};
}

}  // namespace

void encode(const std::vector<ClientChange>& changes, Bytes& out) {
  Write write{ByteWriter(out)};
  write.out.u32(static_cast<std::uint32_t>(changes.size()));
  for (const ClientChange& change : changes) std::visit(write, change);
}

Result<std::vector<ClientChange>> decode_client_changes(ByteView bytes) {
  ByteReader in(bytes);
  std::vector<ClientChange> changes;
  // Nothing is reserved for a count that the bytes may not hold.
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) changes.push_back(read_change(in));
  if (!in.done()) return Error{"client changes that do not parse"};
  return changes;
}

}  // namespace torc::session
