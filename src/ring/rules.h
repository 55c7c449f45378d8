// Sentences of the design that can be switched off, one at a time, in a build that exists for it (TORC_BREAKABLE): if
// breaking one does no harm that the explorer finds, then either the sentence is idle or the explorer is blind
// (sim/breakage_test.cc, docs/proof.md). In every other build broken() is the constant false.
#pragma once

#include <cstdint>

namespace torc::ring {

// Named for what holds as long as it is not broken.
enum class Rule : std::uint8_t {
  none,
  every_member_is_counted,                  // R1
  own_copy_is_counted,                      // R1
  acknowledged_after_the_fsync,             // R2
  previous_record_matches,                  // R2
  known_record_is_compared,                 // R2
  feed_numbers_outlive_a_start,             // R2
  source_is_of_last_serving,                // R3
  source_has_its_disk,                      // R3
  seal_is_durable,                          // R4
  copy_is_whole,                            // R4
  copy_is_durable,                          // R4
  copy_drops_the_rest,                      // R4
  copy_is_never_shorter,                    // R4
  old_copy_is_ignored,                      // R4
  backup_holds_the_log,                     // R5
  serves_after_the_cas,                     // R5
  restarted_primary_never_resumes,          // R5
  reads_are_fenced,                         // R6
  nonce_leaves_after_the_query,             // R6
  nonce_is_confirmed_under_the_seal,        // R6
  learner_gets_what_is_replicated,          // R7
  learner_never_cuts_what_is_replicated,    // R7
  damaged_backup_is_no_source,              // R8
  activation_is_a_cas,                      // R9
  replaced_disk_is_another_member,          // R10
};

#ifdef TORC_BREAKABLE
inline Rule broken_rule = Rule::none;
inline bool broken(Rule rule) { return broken_rule == rule; }
#else
constexpr bool broken(Rule) { return false; }
#endif

}  // namespace torc::ring
