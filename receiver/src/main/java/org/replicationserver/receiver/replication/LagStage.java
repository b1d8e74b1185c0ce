package org.replicationserver.receiver.replication;

/** Where the time of a lag can go. */
public enum LagStage {
    SOURCE(
            "waiting for the source",
            "waiting for the source or the network, which its agent does not tell apart",
            "Look at the source server's CPU, memory and disks, and at the agent's log."),
    NETWORK(
            "the network",
            "the network",
            "Measure bandwidth, loss and round trip between source and server; more connections of the agent help on long paths."),
    CPU_TLS_LZ4(
            "TLS and LZ4",
            "TLS and LZ4",
            "Use an instance type with more or faster CPUs for this server, or give it fewer source servers."),
    WRITE_QUEUE(
            "the write queue",
            "the write queue",
            "Look at the server's CPU and memory: blocks wait for a volume's thread although its device is free."),
    VOLUME(
            "the volume",
            "the volume or the instance's EBS limit, which are not told apart here",
            "Raise IOPS or throughput of the volume, or change its type; look at the EBS limit of the instance too."),
    INSTANCE_LIMIT(
            "the instance's EBS limit",
            "the instance's EBS limit",
            "Use an instance type with a higher EBS bandwidth for this server, or give it fewer volumes."),
    THROTTLE(
            "the throttle",
            "the throttle",
            "Raise bandwidthThrottling of the source server or of this server; 0 is none."),
    HOLD(
            "a hold of the volumes",
            "a hold of the volumes",
            "Nothing, if it ends within a minute; otherwise `./run status` tells until when it lasts, and whether it is for a"
                    + " snapshot group or by hand.");

    /** What is said of the stage. */
    final String words;

    /** The same where what would tell it from its neighbour is not known. */
    final String wordsIfUnsure;

    /** What to do when most of the time goes here. */
    final String nextAction;

    LagStage(String words, String wordsIfUnsure, String nextAction) {
        this.words = words;
        this.wordsIfUnsure = wordsIfUnsure;
        this.nextAction = nextAction;
    }
}
