package org.replicationserver.agent;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Prints the agent's pin, by which a server knows it; makes key and certificate first where there are none. */
@Command(
        name = "identity",
        mixinStandardHelpOptions = true,
        description = {
            "Prints the agent's pin, which is what a server is told to let it in.",
            "Makes a key and a certificate first if the directory has none. The key never leaves it."
        })
final class IdentityCommand implements Callable<Integer> {
    @Option(
            names = "--directory",
            required = true,
            paramLabel = "DIR",
            description = "Where agent.key.pem, agent.cert.pem and agent.pin are kept; created with mode 0700.")
    private Path directory = Path.of("");

    @Option(
            names = "--source-server-id",
            required = true,
            paramLabel = "ID",
            description = "Name in the certificate, for people: 1 to 128 of A-Z a-z 0-9 . _ -. Only used to make it.")
    private String sourceServerId = "";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        try {
            AgentOptions.requireSourceServerId(sourceServerId);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--source-server-id: " + e.getMessage(), e);
        }
        try {
            Identity identity = AgentIdentity.loadOrCreate(directory, sourceServerId);
            spec.commandLine().getOut().println(identity.pin());
            return 0;
        } catch (CertificateStoreException e) {
            spec.commandLine().getErr().println("--directory: " + e.getMessage());
            return AgentMain.USAGE;
        }
    }
}
