package org.replicationserver.receiver.config;

import java.nio.file.Path;
import org.replicationserver.receiver.session.SessionSettings;

/**
 * What the server is configured to be. Paths are absolute.
 *
 * @param serverId the server's name in its certificate
 * @param stateDirectory of all that must survive a restart
 * @param certDirectory of the server's key, certificate and pin
 * @param assignmentsFile see {@link AssignmentsFile}; it need not exist
 * @param imageDirectory of the volumes that are image files
 * @param throttleServerMbps of all data connections together; 0 is no limit
 */
public record ServerConfig(
        String serverId,
        ListenConfig listen,
        TlsConfig tls,
        Path stateDirectory,
        Path certDirectory,
        Path assignmentsFile,
        Path imageDirectory,
        SessionSettings sessions,
        int throttleServerMbps,
        VolumeConfig volumes,
        AwsSettings aws,
        ControlSettings control,
        SnapshotSettings snapshots,
        SoftwareSettings software,
        LogConfig log) {
    /** The name under which the certificate directory keeps the server's key, certificate and pin. */
    public static final String IDENTITY = "server";

    /** What the JDK takes as the path of a Unix socket. */
    static final int SOCKET_PATH_BYTES_MAX = 106;

    /** Where volumes may be on this machine. May block. */
    public VolumePaths volumePaths() {
        return VolumePaths.on(Path.of("/sys"), imageDirectory, volumes.discovery());
    }

    /** Where commands of the same machine reach the server. */
    public Path adminSocket() {
        return stateDirectory.resolve("admin.socket");
    }
}
