package org.replicationserver.crash;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.OneLineMistakes;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.simulation.BugBuild;
import org.replicationserver.simulation.KnownBug;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The entry point of {@code ./run crash-test}. */
@Command(
        name = "crash-test",
        mixinStandardHelpOptions = true,
        description = {
            "Crashes the real server process on real files and devices, and audits the replica each time: nothing that was"
                    + " acknowledged is missing, and after the server's next start all becomes equal.",
            "The campaigns:",
            "  kill-at-call    SIGKILL at the n-th write, zeroing, force, answer or step of a state record.",
            "  fault-at-call   The n-th write, zeroing or force of a volume or of a state record fails.",
            "  write-log       A power loss at each force, with any part of the writes after it, from a log of the device.",
            "  kill-at-random  SIGKILL at random moments of one long replication.",
            "  storage         Full, failed, stalled and too small volumes.",
            "  network         Connections cut, reset, half-open, slow, falsified and replayed.",
            "  holds           Holds at random moments, under load; the volumes are read and compared with the source at its mark."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:nothing was found",
            "1:something was found, or a campaign could not go on",
            "2:wrong command line",
            "69:no campaign can be done here"
        })
public final class CrashTestMain implements Callable<Integer> {
    private static final int EXIT_FOUND = 1;
    private static final int EXIT_UNAVAILABLE = 69;

    static final List<Campaign> CAMPAIGNS = List.of(
            new KillAtCall(),
            new FaultAtCall(),
            new WriteLog(),
            new KillAtRandom(),
            new Storage(),
            new Network(),
            new Holds());

    @Option(names = "--campaign", paramLabel = "NAME", description = "Only this one; may be given several times.")
    private List<String> names = new ArrayList<>();

    @Option(
            names = "--count",
            paramLabel = "N",
            description = "So many kills, faults, images or cases of each campaign; else as many as a night allows.")
    private @Nullable Integer count;

    @Option(names = "--seed", paramLabel = "N", description = "Of all that is drawn; else a new one, which is printed.")
    private @Nullable Long seed;

    @Option(names = "--from", paramLabel = "N", description = "The first case of a campaign that numbers them, from 0.")
    private int from;

    @Option(
            names = "--directory",
            paramLabel = "DIR",
            description =
                    "Where files are made, on a file system of a disk; else below the working directory. A directory of its"
                            + " own in there is removed, unless something was found.")
    private Path directory = Path.of("");

    @Option(
            names = "--bug",
            paramLabel = "NAME",
            description =
                    "Tests a server with one of the known bugs of simulate, which is to be found. Needs the sources.")
    private @Nullable String bug;

    @Spec
    private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

    private final PrintStream out = System.out;

    private final List<Campaign> campaigns;

    private CrashTestMain(List<Campaign> campaigns) {
        this.campaigns = campaigns;
    }

    /** Runs campaigns; ends the process with its exit code unless that is 0. */
    public static void main(String[] args) {
        int exitCode = commandLine()
                .setCommandName(System.getProperty("command.name", "crash-test"))
                .execute(args);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    static CommandLine commandLine() {
        return commandLine(CAMPAIGNS);
    }

    static CommandLine commandLine(List<Campaign> campaigns) {
        return new CommandLine(new CrashTestMain(campaigns)).setParameterExceptionHandler(new OneLineMistakes());
    }

    /** How a campaign ended. */
    private record Line(Campaign campaign, Tally tally, String result, String trouble, double seconds) {
        String text() {
            return String.format(
                    Locale.ROOT,
                    "%-15s %6d %-7s %7.0f s  %s%s",
                    campaign.name(),
                    tally.done(),
                    campaign.unit(),
                    seconds,
                    result,
                    tally.details().isEmpty() ? "" : "; " + tally.details());
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException, RunException {
        List<Campaign> chosen = chosen();
        Integer asked = count;
        require(asked == null || asked >= 1, "--count=" + asked + ", allowed: 1 and more");
        require(from >= 0, "--from=" + from + ", allowed: 0 and more");
        require(Files.isDirectory(directory), "--directory=" + directory + " is no directory");
        KnownBug known = knownBug();
        Long given = seed;
        long used = given == null ? new Random().nextLong() >>> 32 : given;
        out.println("seed " + used);
        Path work = Files.createTempDirectory(directory.toAbsolutePath(), "crash-test-");
        boolean evidence = false;
        try (Cleanup cleanup = new Cleanup()) {
            int exitCode = run(chosen, new Workshop(work, used, cleanup, classes(known, work)));
            evidence = exitCode == EXIT_FOUND;
            return exitCode;
        } finally {
            if (evidence) {
                out.println("The server's log and its files are in " + work);
            } else {
                Cleanup.deleteTree(work);
            }
        }
    }

    private void require(boolean allowed, String message) {
        if (!allowed) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private List<Campaign> chosen() {
        List<String> known = campaigns.stream().map(Campaign::name).toList();
        for (String name : names) {
            require(known.contains(name), "--campaign=" + name + ", known: " + String.join(", ", known));
        }
        return campaigns.stream()
                .filter(campaign -> names.isEmpty() || names.contains(campaign.name()))
                .toList();
    }

    private @Nullable KnownBug knownBug() {
        String name = bug;
        try {
            return name == null ? null : KnownBug.named(name);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private static @Nullable Path classes(@Nullable KnownBug known, Path work) throws IOException {
        if (known == null) {
            return null;
        }
        Path classes = work.resolve("bug/classes");
        new BugBuild(Path.of("")).build(known, classes);
        return classes;
    }

    private int run(List<Campaign> chosen, Workshop workshop) throws InterruptedException, IOException, RunException {
        List<String> table = new ArrayList<>();
        List<String> troubles = new ArrayList<>();
        int tried = 0;
        for (Campaign campaign : chosen) {
            String missing = campaign.missing(workshop);
            if (missing != null) {
                table.add(String.format(Locale.ROOT, "%-15s not done: %s", campaign.name(), missing));
                continue;
            }
            tried++;
            Line line = run(campaign, workshop);
            table.add(line.text());
            if (!line.trouble().isEmpty()) {
                troubles.add(line.trouble());
            }
        }
        table.forEach(out::println);
        troubles.forEach(out::println);
        if (tried == 0) {
            return EXIT_UNAVAILABLE;
        }
        return troubles.isEmpty() ? 0 : EXIT_FOUND;
    }

    private Line run(Campaign campaign, Workshop workshop) throws InterruptedException {
        Integer asked = count;
        Tally tally = new Tally(from, asked == null ? campaign.countByDefault() : asked);
        long began = System.nanoTime();
        String result = "nothing found";
        String trouble = "";
        try {
            campaign.run(workshop, tally);
        } catch (AssertionError e) {
            e.printStackTrace(out);
            result = "FOUND";
            trouble = trouble(campaign, workshop, tally, String.valueOf(e.getMessage()));
        } catch (IOException | RunException | ProtocolException | RuntimeException e) {
            // Whatever it is, files and logs may tell why.
            e.printStackTrace(out);
            result = "COULD NOT GO ON";
            trouble = trouble(campaign, workshop, tally, e.toString());
        }
        return new Line(campaign, tally, result, trouble, (System.nanoTime() - began) / 1e9);
    }

    private String trouble(Campaign campaign, Workshop workshop, Tally tally, String what) {
        return campaign.name() + ", case " + tally.number() + ": " + what + "\n  again: "
                + again(campaign, workshop, tally);
    }

    private String again(Campaign campaign, Workshop workshop, Tally tally) {
        List<String> words = new ArrayList<>(List.of(
                spec.commandLine().getCommandName(),
                "--campaign",
                campaign.name(),
                "--seed",
                Long.toString(workshop.seed())));
        words.addAll(
                campaign.numbersCases()
                        ? List.of("--from", Integer.toString(tally.number()), "--count", "1")
                        : List.of("--count", Integer.toString(tally.count())));
        if (bug != null) {
            words.addAll(List.of("--bug", bug));
        }
        return words.stream().collect(Collectors.joining(" "));
    }
}
