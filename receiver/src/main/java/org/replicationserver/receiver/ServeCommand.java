package org.replicationserver.receiver;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.concurrent.Callable;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.config.EffectiveConfig;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.log.Logging;
import org.replicationserver.receiver.log.RecentLogs;
import org.replicationserver.receiver.server.ReplicationServer;
import org.replicationserver.receiver.server.ServerStartException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Runs the server until SIGTERM or SIGINT, which drain it; a second one ends it at once. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        description = "Runs the replication server until SIGTERM, which finishes and acknowledges what was received.",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "2:wrong command line",
            "69:cannot listen, or another server has the state directory",
            "74:a directory of the configuration cannot be made, read or written",
            "78:mistakes in the configuration or the assignments, a line each",
            "143:after SIGTERM",
            "130:after SIGINT"
        })
final class ServeCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(ServeCommand.class);

    @Mixin
    private ConfigOptions options = new ConfigOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        try {
            EffectiveConfig effective = options.load();
            ServerConfig config = effective.toServerConfig();
            boolean local = config.control().mode() == ControlMode.LOCAL;
            effective.checkAllowList();
            effective.checkCaFile(); // its warnings are logged when it is read to be used
            List<AssignedSource> assigned = local ? effective.readAssignments() : List.of();
            RecentLogs recentLogs =
                    Logging.setUp(config.log().format(), config.log().level());
            NettyMemory.bound(config.sessions().memoryBudgetBytes());
            ReplicationServer server =
                    ReplicationServer.start(config, assigned, new SimpleMeterRegistry(), ServeCommand::endWithoutState);
            NettyMemory.warnIfJvmHasLess();
            server.follow(recentLogs);
            int exitCode = StopSignals.install().await();
            server.stop();
            return exitCode;
        } catch (ConfigException e) {
            e.lines().forEach(spec.commandLine().getErr()::println);
            return ConfigException.EXIT_CODE;
        } catch (ServerStartException e) {
            spec.commandLine().getErr().println(e.getMessage());
            return switch (e.fault()) {
                case UNAVAILABLE -> ExitCode.UNAVAILABLE;
                case FILES -> ExitCode.IO_ERROR;
            };
        }
    }

    /** Nothing may be answered any more, so the process ends at once; what was acknowledged is on stable storage. */
    private static void endWithoutState(Throwable cause) {
        LOG.atError()
                .setCause(cause)
                .addKeyValue("cause", cause.getMessage())
                .log("the state directory cannot be written, the server ends");
        Runtime.getRuntime().halt(ExitCode.IO_ERROR);
    }
}
