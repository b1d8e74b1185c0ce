package org.replicationserver.cert;

import java.io.IOException;
import java.nio.file.Path;

/** A start of the server in a process of its own: prints the pin, and whether this process made it. */
final class LoadOrCreateMain {
    private LoadOrCreateMain() {}

    public static void main(String[] arguments) throws IOException {
        boolean[] made = new boolean[1];
        CertificateIssuer issuer = keyPair -> {
            made[0] = true;
            return TestIdentities.serverIssuer().issue(keyPair);
        };
        if (System.in.read() < 0) {
            throw new IOException("nobody said go");
        }
        Identity identity = new IdentityStore(Path.of(arguments[0])).loadOrCreate("server", issuer);
        System.out.print(identity.pin() + (made[0] ? " made" : " loaded"));
    }
}
