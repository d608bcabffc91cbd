using AdaptFormer.Inference;
using Xunit;

namespace AdaptFormer.Tests.Inference.Bank;

public sealed class TaskBankOptionsTests
{
    private static readonly TaskBankOptions Good = new();

    public static TheoryData<string, TaskBankOptions> Wrong => new()
    {
        { "batch_size is 0", Good with { BatchSize = 0 } },
        { "batch_size is 4097", Good with { BatchSize = 4097 } },
        { "batch_delay is 00:00:11", Good with { BatchDelay = TimeSpan.FromSeconds(11) } },
        { "queue_length is 0", Good with { QueueLength = 0 } },
        { "task_queue_length is 0", Good with { TaskQueueLength = 0 } },
        { "deadline is 00:00:00", Good with { Deadline = TimeSpan.Zero } },
        { "trunk_bytes is -1", Good with { TrunkBytes = -1 } },
        { "task_bytes is -1", Good with { TaskBytes = -1 } },
    };

    [Fact]
    public void Values_are_taken_up_to_their_ends()
    {
        TaskBankOptions most = Good with { BatchSize = 4096, BatchDelay = TimeSpan.FromSeconds(10) }, least = new(1, TimeSpan.Zero, 1, TrunkBytes: 0, TaskBytes: 0);
        Assert.All([Good, most, least], one => one.Validate());
    }

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Values_behind_them_are_refused_by_name(string says, TaskBankOptions wrong) =>
        Assert.Contains(says, Assert.Throws<ArgumentException>(wrong.Validate).Message, StringComparison.Ordinal);
}
