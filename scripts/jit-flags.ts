/** Where the processor has protection keys, V8's register of pages with compiled code can miss one while threads come and go,
 * which ends the process with "Check failed: jit_page.has_value()" (seen here once; nodejs/node#64500 is akin). Without the
 * keys it does not look there. */
export const JIT_FLAGS = ['--no-memory-protection-keys'];
