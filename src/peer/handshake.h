// How two processes come to believe who is at the other end of a new connection.
//
//    dialer                              acceptor
//      hello  ───────────────────────────►           versions, cluster, name, incarnation, boot, nonce
//             ◄───────────────────────────  hello
//      proof  ───────────────────────────►           HMAC(secret, role, both hellos)
//             ◄───────────────────────────  proof
//
// Both nonces are in the proof, so a recorded one is worth nothing; so is the role, so it cannot be sent back to its
// maker. Without a secret the proof is empty, and an end that has a secret talks to none that has not. This is no
// encryption: what follows the proof is as safe as the connection.
#pragma once

#include <functional>
#include <optional>

#include "peer/messages.h"

namespace torc::peer {

// HMAC-SHA256.
using Hmac = std::function<Mac(ByteView key, ByteView data)>;

// What a process says of itself, on every connection.
struct Introduction {
  Identity self;
  std::string cluster;
  Bytes secret;  // shared by all of the cluster; empty: none is asked for
  Hmac hmac;     // needed only with a secret
  Versions versions = {};
};

enum class Role : std::uint8_t { dialer = 1, acceptor = 2 };

class Handshake {
 public:
  // `dial`: only a dialer's.
  Handshake(const Introduction& introduction, Role role, std::uint64_t dial, const Nonce& nonce);

  struct Said {
    Channel channel;
    Bytes payload;
  };
  // What a dialer says before anything was received.
  Said begin() const;
  // What to say to this, if anything. Errors, in words for both ends: not the
  // message that is due or not readable, no version in common, another cluster, our own name, a wrong proof.
  Result<std::optional<Said>> received(const Frame& frame);

  bool introduced() const { return other_.has_value(); }
  bool done() const { return done_; }
  const Hello& other() const { return *other_; }     // once introduced; proved once done
  std::uint16_t version() const { return version_; }  // that both speak; once introduced

 private:
  Result<std::optional<Said>> hear_hello(ByteView payload);
  Result<std::optional<Said>> hear_proof(ByteView payload);
  Bytes proof_of(Role role) const;

  const Introduction& introduction_;
  Role role_;
  Bytes own_hello_;
  Bytes other_hello_;
  std::optional<Hello> other_;
  std::uint16_t version_ = version_lowest;
  bool done_ = false;
};

}  // namespace torc::peer
