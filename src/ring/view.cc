#include "ring/view.h"

namespace torc::ring {

namespace {

constexpr std::uint8_t format_version = 1;

void write(ByteWriter& out, const Member& member) {
  out.string(member.node);
  out.u64(member.incarnation.value);
}

Member read_member(ByteReader& in) {
  Member member;
  member.node = in.string();
  member.incarnation = Incarnation{in.u64()};
  return member;
}

}  // namespace

void encode(const Register& value, Bytes& bytes) {
  ByteWriter out(bytes);
  out.u8(format_version);
  out.u64(value.number.value);
  write(out, value.primary);
  out.u8(value.backup ? 1 : 0);
  if (value.backup) write(out, *value.backup);
  write(out, value.source);
  out.u8(static_cast<std::uint8_t>(value.state));
  out.u64(value.primary_boot.value);
  out.u32(static_cast<std::uint32_t>(value.last_serving.size()));
  for (const Member& member : value.last_serving) write(out, member);
  out.u32(static_cast<std::uint32_t>(value.ring.size()));
  for (const std::string& node : value.ring) out.string(node);
}

Result<Register> decode_register(ByteView bytes) {
  ByteReader in(bytes);
  Register value;
  if (in.u8() != format_version) return Error{"the register has an unknown format version", Error::Kind::damaged};
  value.number = View{in.u64()};
  value.primary = read_member(in);
  if (in.u8() != 0) value.backup = read_member(in);
  value.source = read_member(in);
  const std::uint8_t state = in.u8();
  value.state = static_cast<Register::State>(state);
  value.primary_boot = Boot{in.u64()};
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) value.last_serving.push_back(read_member(in));
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) value.ring.emplace_back(in.string());
  if (!in.done() || state > 1) return Error{"the register does not read back as it was written", Error::Kind::damaged};
  return value;
}

}  // namespace torc::ring
