// SPDX-License-Identifier: Apache-2.0
//
// The launcher's look into the memory of a traced tree of processes; one run at a time.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "hellomark/launcher/protocol.h"

namespace hellomark {

/// `main` has asked to be traced and stops after its exec.
void trace_begin(pid_t main, Shared* shared);
/// A task has stopped or ended; a stopped one goes on.
void trace_changed(pid_t task, int status, const rusage& usage);
/// Adds up what the processes hold now, if they are several.
void trace_look();
int trace_process_count();
/// True for a task that is not a process of its own.
bool trace_is_thread(pid_t task);
void trace_kill_all();
/// Writes what was found.
void trace_end(RunRecord& record);

}  // namespace hellomark
