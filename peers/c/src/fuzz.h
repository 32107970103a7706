/* Random and mutated frames at the decoder and at whole machines, to be run under sanitizers. */
#ifndef FUZZ_H
#define FUZZ_H

/* `fuzz FRAMES [SEED]`: so many frames. `fuzz -`: standard input as one frame. The exit status. */
int fuzz(int argc, char **argv);

#endif
