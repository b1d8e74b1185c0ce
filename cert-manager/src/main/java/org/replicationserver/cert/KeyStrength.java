package org.replicationserver.cert;

import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.NamedParameterSpec;
import java.util.stream.Stream;

/** Which kinds of keys may stand behind a pin. Any thread. */
final class KeyStrength {
    static final String ALLOWED = "EC on P-256 or P-384, RSA of 2048 bits or more, Ed25519";

    private static final int RSA_BITS_MIN = 2048;
    private static final ECParameterSpec P_256 = curve("secp256r1");
    private static final ECParameterSpec P_384 = curve("secp384r1");

    private KeyStrength() {}

    static boolean isAccepted(PublicKey key) {
        return switch (key) {
            case ECPublicKey ec -> Stream.of(P_256, P_384).anyMatch(curve -> same(curve, ec.getParams()));
            // RSASSA-PSS keys are left out: no agent makes them, and they would need a signature of their own.
            case RSAPublicKey rsa ->
                rsa.getAlgorithm().equals("RSA") && rsa.getModulus().bitLength() >= RSA_BITS_MIN;
            case EdECPublicKey edwards -> edwards.getParams().getName().equals(NamedParameterSpec.ED25519.getName());
            default -> false;
        };
    }

    /** By value, because the JDK's curves have no equals. */
    private static boolean same(ECParameterSpec one, ECParameterSpec other) {
        return one.getCurve().equals(other.getCurve())
                && one.getGenerator().equals(other.getGenerator())
                && one.getOrder().equals(other.getOrder());
    }

    private static ECParameterSpec curve(String name) {
        try {
            AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
            parameters.init(new ECGenParameterSpec(name));
            return parameters.getParameterSpec(ECParameterSpec.class);
        } catch (GeneralSecurityException e) {
            throw new AssertionError("every JDK has " + name, e);
        }
    }
}
