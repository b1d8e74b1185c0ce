package org.replicationserver.demo;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.RunException;
import org.replicationserver.process.SizeConverter;
import org.replicationserver.receiver.config.OneLineMistakes;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command line of the demo. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Replicates a disk over TLS to a server of its own, kills that server with SIGKILL in the middle,",
            "starts it again, changes files, runs two more cycles, and proves the replica identical.",
            "Everything happens in a temporary directory that is removed at the end; no root is needed."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {"0:the replica is identical", "1:it is not, or the demo could not go on", "2:wrong command line"
        })
public final class DemoMain implements Callable<Integer> {
    @Option(
            names = "--source",
            paramLabel = "FILE|DEVICE",
            description = "A disk image or block device, only read and not to be written meanwhile."
                    + " Default: a file system of this machine's files is made.")
    private @Nullable Path source;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = SizeConverter.class,
            description = "Size of the file system that is made. Default: ${DEFAULT-VALUE}.",
            defaultValue = "384MiB")
    private long sizeBytes;

    @Option(
            names = "--streams",
            paramLabel = "N",
            description = "Data connections, 1 to 16. Default: ${DEFAULT-VALUE}.",
            defaultValue = "5")
    private int streams;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** Runs the demo and ends the process with its exit code. */
    public static void main(String[] args) {
        int exitCode = new CommandLine(new DemoMain())
                .setParameterExceptionHandler(new OneLineMistakes())
                .execute(args);
        System.exit(exitCode);
    }

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        if (streams < 1 || streams > 16) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--streams=" + streams + ", allowed are 1 to 16");
        }
        try (Demo demo = new Demo(out, streams)) {
            return demo.run(source, sizeBytes) ? 0 : 1;
        } catch (RunException e) {
            out.flush();
            spec.commandLine().getErr().println("demo: " + e.getMessage());
            return 1;
        }
    }
}
