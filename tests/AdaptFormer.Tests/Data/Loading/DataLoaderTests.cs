using AdaptFormer.Data;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class DataLoaderTests
{
    private static readonly ImageTransform Train = ImageTransform.ForTraining(new TransformOptions(ImgSize: 12, EvalResize: 14));

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Each_picture_is_visited_once_an_epoch(bool shuffle, bool dropLast)
    {
        using DataLoader loader = new(new Gradients(23), Train, new LoaderOptions(BatchSize: 5, shuffle, dropLast, Workers: 2));
        List<int> seen = [];
        foreach (Batch batch in loader.Epoch(0))
        {
            using (batch)
            {
                Assert.Equal(batch.Count * 3 * 12 * 12, batch.Pixels.Length);
                seen.AddRange(batch.Indices);
                foreach ((int index, int label) in batch.Indices.ToArray().Zip(batch.Labels.ToArray())) Assert.Equal(index % 3, label);
            }
        }

        Assert.Equal(dropLast ? 20 : 23, seen.Count);
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(shuffle, !seen.SequenceEqual(seen.Order()));
    }

    [Fact]
    public void Batches_do_not_depend_on_the_number_of_workers()
    {
        float[] one = Epoch(workers: 1, prefetch: 1, epoch: 2), many = Epoch(workers: 5, prefetch: 4, epoch: 2);
        Assert.Equal(one, many);
        Assert.NotEqual(one, Epoch(workers: 1, prefetch: 1, epoch: 3));
    }

    [Fact]
    public void An_error_of_a_worker_reaches_the_consumer_with_the_pictures_name()
    {
        using DataLoader loader = new(new Gradients(20, broken: 13), Train, new LoaderOptions(BatchSize: 4, Shuffle: false, Workers: 3));
        int batches = 0;
        InvalidDataException error = Assert.Throws<InvalidDataException>(() =>
        {
            foreach (Batch batch in loader.Epoch(0))
            {
                batches++;
                batch.Dispose();
            }
        });
        Assert.Contains("gradient 13", error.Message);
        Assert.Equal(3, batches);
        Assert.Throws<InvalidDataException>(() => loader.Epoch(1).Count());      // the loader is still usable
    }

    [Fact]
    public void An_unreadable_picture_can_count_as_wrong()
    {
        using DataLoader loader = new(new Gradients(6, broken: 4), Train, new LoaderOptions(BatchSize: 6, Shuffle: false, Workers: 2, Unreadable: UnreadableImages.CountAsWrong));
        using Batch batch = Assert.Single(loader.Epoch(0));
        Assert.Equal([0, 1, 2, 0, Batch.Unreadable, 2], batch.Labels.ToArray());
        Assert.True(batch.Pixels.Span.Slice(4 * 3 * 12 * 12, 3 * 12 * 12).IndexOfAnyExcept(0f) < 0);
        (int index, string reason) = Assert.Single(loader.UnreadablePictures);
        Assert.Equal(4, index);
        Assert.Contains("gradient 4", reason);
    }

    [Fact]
    public void Leaving_an_epoch_early_ends_its_threads()
    {
        Gradients data = new(1000);
        using DataLoader loader = new(data, Train, new LoaderOptions(BatchSize: 2, Workers: 3));
        foreach (Batch batch in loader.Epoch(0))
        {
            batch.Dispose();
            break;
        }

        int loaded = data.Loaded;
        Assert.InRange(loaded, 2, 2 + (2 * loader.Options.Prefetch) + 2);      // never further ahead than the prefetch
        Thread.Sleep(20);
        Assert.Equal(loaded, data.Loaded);
        Assert.Equal(500, loader.Epoch(1).Select(b => b).Count(b => { b.Dispose(); return true; }));
    }

    [Fact]
    public void Waiting_for_a_slow_source_is_measured()
    {
        using DataLoader loader = new(new Gradients(4, delay: 60), Train, new LoaderOptions(BatchSize: 4, Workers: 1));
        foreach (Batch batch in loader.Epoch(0)) batch.Dispose();
        Assert.True(loader.WaitTime >= TimeSpan.FromMilliseconds(30), $"waited {loader.WaitTime}");
    }

    [Fact]
    public void A_steady_epoch_allocates_no_pictures()
    {
        Gradients data = new(400);
        using DataLoader loader = new(data, Train, new LoaderOptions(BatchSize: 20, Workers: 1));
        for (int epoch = 0; epoch < 3; epoch++) Drain(loader, epoch);
        long perSample = (data.LastAllocated - data.FirstAllocated) / 399;
        Assert.True(perSample < 100, $"{perSample} bytes a sample; a sample itself has {3 * 12 * 12 * 4}");
    }

    private static void Drain(DataLoader loader, int epoch)
    {
        foreach (Batch batch in loader.Epoch(epoch)) batch.Dispose();
    }

    private static float[] Epoch(int workers, int prefetch, int epoch)
    {
        using DataLoader loader = new(new Gradients(31), Train, new LoaderOptions(BatchSize: 4, Workers: workers, Prefetch: prefetch, Seed: 9));
        List<float> values = [];
        foreach (Batch batch in loader.Epoch(epoch))
        {
            using (batch) values.AddRange(batch.Pixels.Span);
        }

        return [.. values];
    }

    /// <summary>Pictures that differ from each other everywhere.</summary>
    private sealed class Gradients(int count, int broken = -1, int delay = 0) : ImageDataset
    {
        private int _loaded;

        /// <summary>Bytes that the worker had allocated when it loaded the first and the last picture of the epoch.</summary>
        public long FirstAllocated { get; private set; }

        public long LastAllocated { get; private set; }

        public int Loaded => Volatile.Read(ref _loaded);

        public override string Name => "gradients";

        public override int Count => count;

        public override IReadOnlyList<string> ClassNames => ["a", "b", "c"];

        public override int Label(int index) => index % 3;

        public override string Source(int index) => $"gradient {index}";

        public override void Load(int index, ImageBuffer into)
        {
            LastAllocated = GC.GetAllocatedBytesForCurrentThread();
            if (Interlocked.Increment(ref _loaded) % count == 1) FirstAllocated = LastAllocated;
            if (delay > 0) Thread.Sleep(delay);
            if (index == broken) throw new InvalidDataException("no such colour");
            into.Reset(20, 16);
            for (int i = 0; i < into.Pixels.Length; i++) into.Pixels[i] = (byte)((i * 7) + (index * 13));
        }
    }
}
