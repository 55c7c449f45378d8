#include "txn/transaction_codec.h"

#include "txn/field.h"

namespace torc::txn {

namespace {

void write(ByteWriter& out, const Branch& branch) {
  out.u64(branch.id.value);
  out.u8(static_cast<std::uint8_t>(branch.type));
  out.u8(static_cast<std::uint8_t>(branch.status));
  out.u8(branch.finished ? 1 : 0);
  write_wall(out, branch.registered_wall);
  out.string(branch.resource);
  out.string(branch.application_data);
  out.string(branch.client_id);
  out.string(branch.lock_key);
}

Branch read_branch(ByteReader& in) {
  Branch branch;
  branch.id = {in.u64()};
  branch.type = read_branch_type(in);
  branch.status = read_branch_status(in);
  branch.finished = read_flag(in);
  branch.registered_wall = read_wall(in);
  branch.resource = in.string();
  branch.application_data = in.string();
  branch.client_id = in.string();
  branch.lock_key = in.string();
  return branch;
}

}  // namespace

void write(ByteWriter& out, const Transaction& t) {
  out.u64(t.id.value);
  out.string(t.address);
  out.string(t.name);
  out.string(t.application);
  out.string(t.group);
  out.u8(static_cast<std::uint8_t>(t.status));
  write_milliseconds(out, t.timeout);
  write_milliseconds(out, t.begun_at);
  write_milliseconds(out, t.decided_at);
  write_milliseconds(out, t.changed_at);
  write_wall(out, t.begun_wall);
  write_wall(out, t.changed_wall);
  out.u32(t.branches_left_out);
  out.u8(t.locks_released ? 1 : 0);
  out.string(t.reason);
  out.u64(t.last.value);
  out.u32(static_cast<std::uint32_t>(t.branches.size()));
  for (const Branch& branch : t.branches) write(out, branch);
}

Transaction read_transaction(ByteReader& in) {
  Transaction t;
  t.id = {in.u64()};
  t.address = in.string();
  t.name = in.string();
  t.application = in.string();
  t.group = in.string();
  t.status = read_global_status(in);
  t.timeout = read_milliseconds(in);
  t.begun_at = read_milliseconds(in);
  t.decided_at = read_milliseconds(in);
  t.changed_at = read_milliseconds(in);
  t.begun_wall = read_wall(in);
  t.changed_wall = read_wall(in);
  t.branches_left_out = in.u32();
  t.locks_released = read_flag(in);
  t.reason = in.string();
  t.last = {in.u64()};
  const std::uint32_t count = in.u32();
  BranchId previous = {t.id.value};  // a transaction's record comes before those of its branches
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Branch& branch = t.branches.emplace_back(read_branch(in));
    if (branch.id <= previous) in.fail();
    previous = branch.id;
  }
  return t;
}

}  // namespace torc::txn
