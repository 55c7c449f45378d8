#include "peer/handshake.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace torc::peer {

namespace {

// Takes the same time wherever the two differ, so that a proof cannot be found byte by byte.
bool same(ByteView one, ByteView other) {
  if (one.size() != other.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) difference |= static_cast<std::uint8_t>(one[i] ^ other[i]);
  return difference == 0;
}

std::string text(const Versions& versions) {
  return versions.lowest == versions.highest ? fmt::format("{}", versions.lowest)
                                             : fmt::format("{} to {}", versions.lowest, versions.highest);
}

}  // namespace

Handshake::Handshake(const Introduction& introduction, Role role, std::uint64_t dial, const Nonce& nonce)
    : introduction_(introduction), role_(role) {
  assert(introduction.secret.empty() || introduction.hmac);
  own_hello_ = encode(Hello{introduction.versions, introduction.cluster, introduction.self, dial, nonce});
}

Handshake::Said Handshake::begin() const { return {Channel::hello, own_hello_}; }

Result<std::optional<Handshake::Said>> Handshake::received(const Frame& frame) {
  const Channel due = introduced() ? Channel::proof : Channel::hello;
  if (done_ || frame.channel != due) {
    return Error{fmt::format("a {} where a {} is due", name_of(frame.channel), name_of(due))};
  }
  return due == Channel::hello ? hear_hello(frame.payload) : hear_proof(frame.payload);
}

Result<std::optional<Handshake::Said>> Handshake::hear_hello(ByteView payload) {
  const Result<Hello> hello = decode_hello(payload);
  if (!hello) return hello.error();
  const Versions& ours = introduction_.versions;
  const Versions& theirs = hello->versions;
  if (theirs.highest < ours.lowest || ours.highest < theirs.lowest) {
    return Error{fmt::format("no version in common: {} speaks peer protocol {}, {} speaks {}", hello->self.name,
                             text(theirs), introduction_.self.name, text(ours))};
  }
  if (hello->cluster != introduction_.cluster) {
    return Error{fmt::format("{} belongs to cluster '{}', {} to '{}'", hello->self.name, hello->cluster,
                             introduction_.self.name, introduction_.cluster)};
  }
  if (hello->self.name == introduction_.self.name) {
    return Error{fmt::format("both ends are called {}", introduction_.self.name)};
  }
  version_ = std::min(ours.highest, theirs.highest);
  other_ = *hello;
  other_hello_.assign(payload.begin(), payload.end());
  if (role_ == Role::acceptor) return std::optional<Said>(begin());
  return std::optional<Said>(Said{Channel::proof, proof_of(Role::dialer)});
}

Result<std::optional<Handshake::Said>> Handshake::hear_proof(ByteView payload) {
  const Role other = role_ == Role::dialer ? Role::acceptor : Role::dialer;
  if (!same(payload, proof_of(other))) {
    const char* what = introduction_.secret.empty() ? "proves a secret, and none is configured here"
                       : payload.empty()            ? "does not prove the secret that is configured here"
                                                    : "has another secret";
    return Error{fmt::format("{} {}", other_->self.name, what), Error::Kind::refused};
  }
  done_ = true;
  if (role_ == Role::dialer) return std::optional<Said>();
  return std::optional<Said>(Said{Channel::proof, proof_of(Role::acceptor)});
}

Bytes Handshake::proof_of(Role role) const {
  if (introduction_.secret.empty()) return {};
  const bool we_dialed = role_ == Role::dialer;
  Bytes said{static_cast<std::uint8_t>(role)};
  ByteWriter out(said);
  out.string(as_text(we_dialed ? own_hello_ : other_hello_));
  out.string(as_text(we_dialed ? other_hello_ : own_hello_));
  const Mac mac = introduction_.hmac(introduction_.secret, said);
  return Bytes(mac.begin(), mac.end());
}

}  // namespace torc::peer
