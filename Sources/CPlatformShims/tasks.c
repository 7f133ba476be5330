#include "CPlatformShims.h"

// A variable of Swift's runtime library: a function that it calls, when set, in place of its own. It is exported and has
// been the same since Swift 5.5; its type stands in the library's sources, in no header
// (include/swift/Runtime/Concurrency.h).
#define SWIFT_CC __attribute__((swiftcall))

typedef void (*original)(void);
extern void (*swift_task_enqueueGlobal_hook)(void *job, original) SWIFT_CC;
// The executor is the generic one: two words of zero.
void swift_job_run(void *job, uintptr_t identity, uintptr_t implementation) SWIFT_CC;

static void (*run_job)(void *job);

SWIFT_CC static void enqueue(void *job, original unused) {
    (void)unused;
    run_job(job);
}

void clevagent_take_global_jobs(void (*run)(void *job)) {
    run_job = run;
    swift_task_enqueueGlobal_hook = enqueue;
}

void clevagent_run_job(void *job) { swift_job_run(job, 0, 0); }
