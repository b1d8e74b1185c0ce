package org.replicationserver.receiver;

import org.replicationserver.receiver.config.AssignCommand;
import org.replicationserver.receiver.config.CheckConfigCommand;
import org.replicationserver.receiver.config.DefaultConfigCommand;
import org.replicationserver.receiver.config.OneLineMistakes;
import org.replicationserver.receiver.server.ReplicationServer;
import org.replicationserver.receiver.tool.DecodeCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The entry point of the replication server and of its commands. */
@Command(
        name = "replication-server",
        mixinStandardHelpOptions = true,
        version = "replication-server " + ReplicationServer.VERSION + ", protocol BRP/1",
        description = "Receives the disks of source servers and writes them to staging volumes.",
        subcommands = {
            ServeCommand.class,
            VolumeCommand.class,
            SourceCommand.class,
            StatusCommand.class,
            PreflightCommand.class,
            ThrottleCommand.class,
            SoftwareCommand.class,
            AssignCommand.class,
            CheckConfigCommand.class,
            DefaultConfigCommand.class,
            DecodeCommand.class
        })
public final class ReceiverMain {
    private ReceiverMain() {}

    /** Runs a command; ends the process with its exit code unless that is 0. */
    public static void main(String[] args) {
        int exitCode = commandLine().execute(args);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    static CommandLine commandLine() {
        return new CommandLine(new ReceiverMain())
                .setCommandName(System.getProperty("command.name", "replication-server"))
                .setParameterExceptionHandler(new OneLineMistakes());
    }
}
