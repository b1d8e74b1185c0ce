package org.replicationserver.receiver.server;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.function.Consumer;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;
import org.replicationserver.receiver.config.ConfiguredDirectory;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.server.ServerStartException.Fault;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the server must find, or make, in its directories before anything else is started. */
record ServerFiles(StateDirectory state, StateDirectory replications, Identity identity) {
    private static final Logger LOG = LoggerFactory.getLogger(ServerFiles.class);

    private interface Step<T> {
        T run() throws IOException;
    }

    /** The state directory comes first: its lock keeps a second server away from the others. */
    static ServerFiles open(ServerConfig config, Consumer<Throwable> onStateFailure, StopSteps stopSteps)
            throws ServerStartException {
        StateDirectory state = use(
                config,
                ConfiguredDirectory.STATE,
                () -> StateDirectory.open(StateRecords.directoryIn(config.stateDirectory()), onStateFailure));
        stopSteps.add("state directory", state::close);
        StateDirectory replications = use(
                config,
                ConfiguredDirectory.STATE,
                () -> StateDirectory.open(
                        config.stateDirectory().resolve("replications"),
                        cause -> LOG.atError()
                                .addKeyValue("cause", cause.getMessage())
                                .log("counters are not kept any more, until the server is started again")));
        stopSteps.add("counters' directory", replications::close);
        use(config, ConfiguredDirectory.IMAGE, () -> makeWritable(config.imageDirectory()));
        return new ServerFiles(
                state, replications, use(config, ConfiguredDirectory.CERT, () -> loadOrCreateIdentity(config)));
    }

    /** Also where there is no image yet: the first that is assigned would fail otherwise. */
    private static Path makeWritable(Path directory) throws IOException {
        Files.createDirectories(directory);
        Path probe = Files.createTempFile(directory, ".writable-", "");
        Files.delete(probe);
        return directory;
    }

    private static <T> T use(ServerConfig config, ConfiguredDirectory directory, Step<T> step)
            throws ServerStartException {
        try {
            return step.run();
        } catch (IOException e) {
            // The rest is a directory that is whole: another server has it.
            boolean atFault = e instanceof FileSystemException
                    || e instanceof DeviceException
                    || e instanceof CertificateStoreException;
            throw new ServerStartException(
                    atFault ? Fault.FILES : Fault.UNAVAILABLE, directory.cannotBeUsed(config, e), e);
        }
    }

    private static Identity loadOrCreateIdentity(ServerConfig config) throws CertificateStoreException {
        CertificateProfile profile = CertificateProfile.ofServer(config.serverId())
                .withValidity(Duration.ofDays(config.tls().certificateDays()));
        return new IdentityStore(config.certDirectory())
                .loadOrCreate(ServerConfig.IDENTITY, new SelfSignedIssuer(profile, Clock.systemUTC()));
    }
}
