/** Where the processor has protection keys, V8's register of pages with compiled code now and then misses one when threads come and
 * go, and ends the process ("Check failed: jit_page.has_value()", nodejs/node#64500; once in some fifty runs of the suite).
 * Without the keys it does not look there. */
export const JIT_FLAGS = ['--no-memory-protection-keys'];
