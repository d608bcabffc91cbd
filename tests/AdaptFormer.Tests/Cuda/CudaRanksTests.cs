using AdaptFormer.Distributed;
using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Distributed;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cuda;

/// <summary>Ranks with a card each, whose gradients travel from card to card: threads with emulated cards of their own.</summary>
public sealed class CudaRanksTests
{
    [Theory]
    [InlineData(2, "ordered")]
    [InlineData(4, "ordered")]
    [InlineData(2, "fast")]
    public void Cards_that_share_a_training_end_where_one_card_ends(int size, string exchange)
    {
        using TinyTask task = new();
        Recipe recipe = Recipe.Load(task.Recipe, ["epochs=1", "workers=1", "accumulate=4", "batch=3", $"cluster.exchange={exchange}"]);
        CudaEmulator[] cards = [.. Enumerable.Range(0, size).Select(rank => CudaEmulator.Alone($"rank{rank}"))];
        TrainingSummary one;
        using (Backend.Use(cards[0].Kernels)) one = TrainingRun.Execute(recipe, task["one"], ExistingRun.Refuse, _ => { });
        long[] before = [.. cards.Select(card => card.Messages)];
        byte[]? shared = null;
        ThreadCollective.Run(size, ranks =>
        {
            using IDisposable _ = Backend.Use(cards[ranks.Rank].Kernels);
            TrainingSummary own = TrainingRun.Execute(recipe, task["shared"], ExistingRun.Refuse, _ => { }, ranks, default);
            if (ranks.IsFirst) shared = File.ReadAllBytes(own.Adapter!);
            Assert.True(cards[ranks.Rank].Messages > before[ranks.Rank]);
        });
        if (exchange == "ordered") Assert.Equal(File.ReadAllBytes(one.Adapter!), shared!);
        else Assert.Equal(File.ReadAllBytes(one.Adapter!).Length, shared!.Length);
    }

    [Fact]
    public void A_card_whose_process_has_stopped_is_an_error_when_the_deadline_has_passed()
    {
        CudaEmulator[] cards = [CudaEmulator.Alone("left"), CudaEmulator.Alone("right")];
        byte[] id = cards[0].Kernels.NewExchangeId()!;
        TensorExchange[] ends = new TensorExchange[2];
        Thread other = new(() => ends[1] = cards[1].Kernels.Connect(id, 1, 2, TimeSpan.FromSeconds(60)));
        other.Start();
        ends[0] = cards[0].Kernels.Connect(id, 0, 2, TimeSpan.FromSeconds(60));
        other.Join();
        using IDisposable _ = Backend.Use(cards[0].Kernels);
        using TensorScope scope = new();
        Tensor own = Tensor.From([1, 2], new Shape(2)), all = Tensor.Empty(new Shape(4));
        ends[0].Gather(own, all);       // the other never does
        TimeoutException late = Assert.Throws<TimeoutException>(() => ends[0].Complete(TimeSpan.FromSeconds(0.2)));
        Assert.Contains("no answer from the other processes' cards", late.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2], own.ToArray());        // the card goes on
        TimeoutException alone = Assert.Throws<TimeoutException>(
            () => cards[0].Kernels.Connect(cards[0].Kernels.NewExchangeId()!, 0, 2, TimeSpan.FromSeconds(0.2)));
        Assert.Contains("not all of 2 processes came", alone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ranks_that_share_a_card_exchange_by_the_host()
    {
        CudaEmulator card = CudaEmulator.Alone("shared");
        ThreadCollective.Run(2, ranks =>
        {
            using IDisposable _ = Backend.Use(card.Kernels);
            using Tensor gradients = Tensor.Zeros(8);
            Assert.Null(AdaptFormer.Training.Loop.DeviceSum.TryConnect(gradients, ranks));
        });
        Assert.Equal(0, card.Messages);
    }

    [Theory]
    [InlineData("OMPI_COMM_WORLD_LOCAL_RANK", 3)]
    [InlineData("MPI_LOCALRANKID", 3)]
    [InlineData("SLURM_LOCALID", 3)]
    [InlineData("OTHER", null)]
    public void Each_launcher_tells_which_card_is_a_process_s_own(string variable, int? expected) =>
        Assert.Equal(expected, Launch.LocalRank(name => name == variable ? "3" : null));
}
