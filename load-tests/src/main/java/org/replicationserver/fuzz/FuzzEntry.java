package org.replicationserver.fuzz;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * What the fuzzing engine calls, in a process of its own: one target, or several of which the first byte of an input chooses. The
 * names of its methods are the engine's.
 */
public final class FuzzEntry {
    /** Hooks of the engine allocate too, as that which looks at regular expressions. */
    private static final int TIMES_ALLOWED = 4;

    private static List<Runner> runners = List.of();

    private FuzzEntry() {}

    /**
     * Makes the targets.
     *
     * @param arguments a directory for files of the targets, then their names, of {@link Parser} or of classes
     */
    public static void fuzzerInitialize(String[] arguments) {
        Path directory = Path.of(arguments[0]);
        runners = Arrays.stream(arguments)
                .skip(1)
                .map(name -> runner(name, directory))
                .toList();
    }

    private static Runner runner(String name, Path directory) {
        return new Runner(name.indexOf('.') < 0 ? Parser.named(name).open(directory) : instance(name), TIMES_ALLOWED);
    }

    private static FuzzTarget instance(String className) {
        try {
            return Class.forName(className)
                    .asSubclass(FuzzTarget.class)
                    .getDeclaredConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException("no target: " + className, e);
        }
    }

    /** The input of a run with several targets that is this one for one of them. */
    static byte[] chosen(int target, byte[] input) {
        byte[] chosen = new byte[input.length + 1];
        chosen[0] = (byte) target;
        System.arraycopy(input, 0, chosen, 1, input.length);
        return chosen;
    }

    /** Which of so many targets an input is for, if there are several. */
    static int targetOf(byte[] input, int targets) {
        return Byte.toUnsignedInt(input[0]) % targets;
    }

    /** Runs one input. */
    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        if (runners.size() == 1) {
            runners.getFirst().run(input);
        } else if (input.length > 0) {
            runners.get(targetOf(input, runners.size())).run(Arrays.copyOfRange(input, 1, input.length));
        }
    }
}
