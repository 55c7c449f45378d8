#include "sim/breakage.h"

namespace torc::sim {

using ring::Rule;

const std::vector<Breakage>& breakages() {
#define BREAKAGE(number, rule, ...) {Rule::rule, number, #rule, Bounds{__VA_ARGS__}}
  static const std::vector<Breakage> all = {
      BREAKAGE("R1", every_member_is_counted, .views = 1),
      BREAKAGE("R1", own_copy_is_counted, .views = 1, .crashes = 1),
      BREAKAGE("R2", acknowledged_after_the_fsync, .views = 1, .crashes = 1),
      BREAKAGE("R2", previous_record_matches, .views = 1, .records = 3, .learners = true, .eager_disks = true),
      BREAKAGE("R2", known_record_is_compared, .views = 1, .records = 2, .learners = true, .eager_disks = true),
      BREAKAGE("R2", feed_numbers_outlive_a_start, .views = 1, .crashes = 1, .doubles = 1, .stale = 1, .eager_disks = true),
      BREAKAGE("R3", source_is_of_last_serving, .views = 2, .eager_disks = true),
      BREAKAGE("R3", source_has_its_disk, .views = 1, .disks = 1, .eager_disks = true),
      BREAKAGE("R4", seal_is_durable, .views = 1, .crashes = 1, .stale = 1),
      BREAKAGE("R4", copy_is_whole, .views = 1, .eager_disks = true),
      BREAKAGE("R4", copy_is_durable, .views = 1, .crashes = 1),
      BREAKAGE("R4", copy_drops_the_rest, .views = 1, .crashes = 1),
      BREAKAGE("R4", copy_is_never_shorter, .views = 2, .eager_disks = true),
      BREAKAGE("R4", old_copy_is_ignored, .views = 1, .crashes = 1, .stale = 1, .eager_disks = true),
      BREAKAGE("R5", backup_holds_the_log, .views = 1, .eager_disks = true),
      BREAKAGE("R5", serves_after_the_cas, .views = 2, .eager_disks = true),
      BREAKAGE("R5", restarted_primary_never_resumes, .views = 1, .crashes = 1, .eager_disks = true),
      BREAKAGE("R6", reads_are_fenced, .views = 1, .queries = 1, .eager_disks = true),
      BREAKAGE("R6", nonce_leaves_after_the_query, .views = 1, .queries = 2, .eager_disks = true),
      BREAKAGE("R6", nonce_is_confirmed_under_the_seal, .views = 1, .queries = 1, .eager_disks = true),
      BREAKAGE("R7", learner_gets_what_is_replicated, .views = 0, .crashes = 1, .learners = true, .eager_disks = true),
      BREAKAGE("R7", learner_never_cuts_what_is_replicated, .views = 0, .crashes = 1, .ticks = 5, .learners = true, .eager_disks = true),
      BREAKAGE("R8", damaged_backup_is_no_source, .views = 1, .damages = 1, .eager_disks = true),
      BREAKAGE("R9", activation_is_a_cas, .views = 2, .eager_disks = true),
      BREAKAGE("R10", replaced_disk_is_another_member, .views = 1, .disks = 1, .eager_disks = true),
  };
#undef BREAKAGE
  return all;
}

std::string rule_names() {
  std::string names;
  for (const Breakage& breakage : breakages()) names += (names.empty() ? "" : ", ") + std::string(breakage.name);
  return names;
}

bool break_rule(std::string_view name) {
  for (const Breakage& breakage : breakages()) {
    if (breakage.name != name) continue;
    ring::broken_rule = breakage.rule;
    return true;
  }
  return false;
}

}  // namespace torc::sim
