package org.replicationserver.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * CPU of a process and of its threads at one moment, as the operating system counts it.
 *
 * @param cpuSeconds user and system, with threads that have ended
 * @param threadSeconds by thread name without its number; threads that have ended are not there
 */
public record ProcessUsage(double cpuSeconds, Map<String, Double> threadSeconds) {
    /** What proc(5) calls clock ticks; Linux shows times to user space in hundredths on every architecture. */
    private static final double TICKS_PER_SECOND = 100;

    /** Of the fields behind the command's name: utime is the 12th, stime the 13th. */
    private static final int UTIME = 11;

    private static final int STIME = 12;

    public static ProcessUsage of(long pid) throws RunException {
        Path process = Path.of("/proc", Long.toString(pid));
        try {
            return new ProcessUsage(seconds(Files.readString(process.resolve("stat"))), threads(process));
        } catch (IOException e) {
            throw new RunException("CPU of process " + pid + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static Map<String, Double> threads(Path process) throws IOException {
        Map<String, Double> seconds = new TreeMap<>();
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(process.resolve("task"))) {
            for (Path task : tasks) {
                try {
                    String stat = new String(Files.readAllBytes(task.resolve("stat")), StandardCharsets.ISO_8859_1);
                    seconds.merge(threadName(stat), seconds(stat), Double::sum);
                } catch (IOException e) {
                    // The thread ended meanwhile.
                }
            }
        }
        return seconds;
    }

    /** User and system seconds of a line of {@code stat}. The name in parentheses may contain anything. */
    public static double seconds(String stat) {
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return (Long.parseLong(fields[UTIME]) + Long.parseLong(fields[STIME])) / TICKS_PER_SECOND;
    }

    public static String threadName(String stat) {
        return stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')')).replaceAll("[-#]?\\d+$", "");
    }

    /** What was used since an earlier moment. */
    public ProcessUsage since(ProcessUsage before) {
        Map<String, Double> used = new TreeMap<>();
        threadSeconds.forEach((name, seconds) -> {
            double more = seconds - before.threadSeconds.getOrDefault(name, 0.0);
            if (more > 0) {
                used.put(name, more);
            }
        });
        return new ProcessUsage(cpuSeconds - before.cpuSeconds, used);
    }

    /** The largest resident size that a process has had. */
    public static long peakResidentBytes(long pid) throws RunException {
        return number(pid, "status", "VmHWM:") * 1024;
    }

    /** Bytes that a process has read, from sockets and from files. */
    public static long readBytes(long pid) throws RunException {
        return number(pid, "io", "rchar:");
    }

    private static long number(long pid, String file, String name) throws RunException {
        Path path = Path.of("/proc", Long.toString(pid), file);
        try {
            for (String line : Files.readAllLines(path)) {
                if (line.startsWith(name)) {
                    return Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            throw new RunException(path + " cannot be read: " + e.getMessage(), e);
        }
        throw new RunException(path + " tells no " + name);
    }
}
