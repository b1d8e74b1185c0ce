package org.replicationserver.receiver.config;

import java.nio.file.Path;
import org.replicationserver.receiver.session.SessionSettings;

/** X. */
public record ServerConfig(
        String serverId,
        ListenConfig listen,
        TlsConfig tls,
        Path stateDirectory,
        Path certDirectory,
        Path assignmentsFile,
        Path imageDirectory,
        SessionSettings sessions,
        VolumeConfig volumes) {}
