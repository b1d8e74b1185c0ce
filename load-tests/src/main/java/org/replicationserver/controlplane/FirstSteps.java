package org.replicationserver.controlplane;

import java.net.URI;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Lines that people copy into a shell as they are, to have a server and an agent under a control plane that listens. Immutable, any thread.
 *
 * @param run the program that is called, as the shell finds it
 * @param endpoint of the control API
 * @param authority PEM file of the certificate that it is trusted by
 * @param credentials file of profiles, of which one is the agent's
 * @param instanceMetadata of the server's instance
 * @param operator the operator's interface
 */
record FirstSteps(
        Path run,
        URI endpoint,
        Path authority,
        Path credentials,
        URI instanceMetadata,
        URI operator,
        String region,
        String instanceId) {
    static final String AGENT_PROFILE = "agent";
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:=@%+,-]+");

    String text() {
        return """
                # 1. A server, in a terminal of its own:
                AWS_EC2_METADATA_SERVICE_ENDPOINT={metadata} {run} serve \\
                    --set control.mode=https --set control.endpoint={endpoint} \\
                    --set aws.ca-file={authority}

                # 2. An agent, whose disk is an image, in a terminal of its own:
                head -c 64M /dev/urandom > disk.img
                AWS_SHARED_CREDENTIALS_FILE={credentials} AWS_PROFILE={profile} {run} agent replicate \\
                    --control-plane {endpoint} --control-plane-ca {authority} \\
                    --region {region} --source-server-id s-1 --identity agent-key --source /dev/sda=disk.img

                # 3. Their pairing, when both run:
                curl -s {operator}/assignments -d '{"sourceServerId": "s-1", "replicationServerId": "{instance}",
                    "disks": [{"deviceName": "/dev/sda", "volumeId": "vol-1", "fresh": true}]}'

                # 4. What the server tells of it, and what the control plane was told:
                {run} status
                curl -s {operator}/fleet
                """.replace("{run}", quoted(run))
                .replace("{endpoint}", endpoint.toString())
                .replace("{authority}", quoted(authority))
                .replace("{credentials}", quoted(credentials))
                .replace("{profile}", AGENT_PROFILE)
                .replace("{metadata}", instanceMetadata.toString())
                .replace("{operator}", operator.toString())
                .replace("{region}", region)
                .replace("{instance}", instanceId);
    }

    private static String quoted(Path path) {
        String text = path.toString();
        return PLAIN.matcher(text).matches() ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
