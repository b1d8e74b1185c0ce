package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Begins and ends of system calls in the order in which strace saw them ({@code -f -yy}). */
public final class SyscallLog {
    private static final Pattern CALL = Pattern.compile("^(\\d+) +(\\w+)\\((.*)$");
    private static final Pattern RESUMED = Pattern.compile("^(\\d+) +<\\.\\.\\. (\\w+) resumed>(.*)$");
    private static final Pattern RESULT = Pattern.compile("\\) += (-?\\d+).*$");
    private static final String PWRITE = "pwrite64";
    private static final String FALLOCATE = "fallocate";
    private static final String UNFINISHED = "<unfinished ...>";

    /** What strace did in the kernel's place. */
    private static final String INJECTED = "(INJECTED)";

    /** Length and offset of a pwrite, offset and length of a fallocate. */
    private static final Pattern RANGE = Pattern.compile(", (\\d+), (\\d+)(?:\\)| <)");

    /**
     * A system call.
     *
     * @param target its first argument: the descriptor and what it is open on
     * @param arguments all of them, without the result where another call came in between
     * @param begin place in the order of all begins and ends
     * @param end the same of its end, {@link Long#MAX_VALUE} if there is none
     */
    public record Call(
            String name, String target, String arguments, long begin, long end, boolean succeeded, boolean injected) {
        /** Whether it changes what a volume holds: a pwrite, or a fallocate that makes zeros. */
        boolean isWrite() {
            return name.equals(PWRITE) || name.equals(FALLOCATE);
        }

        /** Where such a call begins. */
        long offsetBytes() {
            return range(name.equals(FALLOCATE) ? 1 : 2);
        }

        private long lengthBytes() {
            return range(name.equals(FALLOCATE) ? 2 : 1);
        }

        /** Whether such a call holds all of this range. */
        boolean covers(long offset, long length) {
            return offset >= offsetBytes() && offset + length <= offsetBytes() + lengthBytes();
        }

        private long range(int group) {
            Matcher range = RANGE.matcher(arguments);
            if (!range.find()) {
                throw new IllegalStateException("no range: " + arguments);
            }
            return Long.parseLong(range.group(group));
        }

        private Call ended(long at, String rest) {
            Matcher result = RESULT.matcher(rest);
            boolean ok = result.find() && !result.group(1).startsWith("-");
            return new Call(name, target, arguments, begin, at, ok, rest.endsWith(INJECTED));
        }
    }

    private final List<Call> calls = new ArrayList<>();

    /** Of each thread, where in the list the call is that has not ended. */
    private final Map<String, Integer> open = new HashMap<>();

    private long clock;

    private SyscallLog() {}

    /** The calls in the order of their begins. */
    public static List<Call> read(Path file) throws IOException {
        SyscallLog log = new SyscallLog();
        Files.readAllLines(file).forEach(log::line);
        return log.calls;
    }

    private void line(String line) {
        Matcher resumed = RESUMED.matcher(line);
        Matcher call = CALL.matcher(line);
        if (resumed.matches()) {
            Integer at = open.remove(resumed.group(1));
            if (at != null) {
                calls.set(at, calls.get(at).ended(++clock, resumed.group(3)));
            }
        } else if (call.matches()) {
            String arguments = call.group(3);
            Call begun =
                    new Call(call.group(2), firstArgument(arguments), arguments, ++clock, Long.MAX_VALUE, false, false);
            if (arguments.endsWith(UNFINISHED)) {
                open.put(call.group(1), calls.size());
                calls.add(begun);
            } else {
                calls.add(begun.ended(++clock, arguments));
            }
        }
    }

    private static String firstArgument(String arguments) {
        int end = arguments.indexOf('>');
        int arrow = arguments.indexOf("->");
        // The angle bracket of a socket's arrow does not end the argument.
        if (arrow >= 0 && end == arrow + 1) {
            end = arguments.indexOf('>', end + 1);
        }
        return end < 0 ? arguments : arguments.substring(0, end + 1);
    }
}
