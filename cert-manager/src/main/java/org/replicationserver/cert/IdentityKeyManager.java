package org.replicationserver.cert;

import java.net.Socket;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/**
 * Shows one identity in handshakes, whatever issuers the peer names, since pins replace issuers. Immutable, called by
 * handshake threads.
 *
 * <p>The alias is the pin, so that an engine which caches key material by alias never mixes two identities.
 */
final class IdentityKeyManager extends X509ExtendedKeyManager {
    private final Identity identity;
    private final String alias;
    private final String keyAlgorithm;

    IdentityKeyManager(Identity identity) {
        this.identity = identity;
        this.alias = identity.pin().toString();
        this.keyAlgorithm = identity.certificate().getPublicKey().getAlgorithm();
    }

    @Override
    public @Nullable String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
        return aliasFor(keyType);
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
        return aliasFor(keyType);
    }

    @Override
    public @Nullable String chooseEngineClientAlias(String[] keyTypes, Principal[] issuers, SSLEngine engine) {
        return aliasFor(keyTypes);
    }

    @Override
    public @Nullable String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
        return aliasFor(keyTypes);
    }

    @Override
    public String @Nullable [] getServerAliases(String keyType, Principal[] issuers) {
        return aliasesFor(keyType);
    }

    @Override
    public String @Nullable [] getClientAliases(String keyType, Principal[] issuers) {
        return aliasesFor(keyType);
    }

    @Override
    public X509Certificate @Nullable [] getCertificateChain(String wanted) {
        return alias.equals(wanted) ? new X509Certificate[] {identity.certificate()} : null;
    }

    @Override
    public @Nullable PrivateKey getPrivateKey(String wanted) {
        return alias.equals(wanted) ? identity.privateKey() : null;
    }

    private @Nullable String aliasFor(String... keyTypes) {
        return Arrays.asList(keyTypes).contains(keyAlgorithm) ? alias : null;
    }

    private String @Nullable [] aliasesFor(String keyType) {
        return keyAlgorithm.equals(keyType) ? new String[] {alias} : null;
    }
}
