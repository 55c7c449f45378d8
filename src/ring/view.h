// The register of a ring: which view is in force. One linearizable compare-and-swap cell in the control store (design,
// section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace torc::ring {

// A node as views name it: the same name with another incarnation is another member (its disk is not the one that was
// counted).
struct Member {
  std::string node;
  Incarnation incarnation;

  friend bool operator==(const Member&, const Member&) = default;
};

struct Register {
  enum class State : std::uint8_t { forming = 0, serving = 1 };

  View number;
  Member primary;
  std::optional<Member> backup;  // none: the view is solo
  Member source;                 // who supplies the complete log; one of last_serving (R3)
  State state = State::forming;
  Boot primary_boot;  // written when the view becomes serving: a restarted primary never resumes it (R5)
  std::vector<Member> last_serving;   // members of the last view that served; empty before the first
  std::vector<std::string> ring;      // every node of the ring, in ring order

  friend bool operator==(const Register&, const Register&) = default;
};

// docs/formats/register.md.
void encode(const Register& value, Bytes& out);
Result<Register> decode_register(ByteView bytes);

}  // namespace torc::ring
