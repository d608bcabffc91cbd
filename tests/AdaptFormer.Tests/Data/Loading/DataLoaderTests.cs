using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
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
    public void A_batch_larger_than_the_data_takes_no_more_memory_than_they_need()
    {
        using DataLoader loader = new(new Gradients(5), Train, new LoaderOptions(BatchSize: int.MaxValue, Shuffle: false, Workers: 2));
        Assert.Equal(5, loader.Options.BatchSize);
        using Batch batch = Assert.Single(loader.Epoch(0));
        Assert.Equal(5, batch.Count);
    }

    [Fact]
    public void An_error_outside_of_a_sample_reaches_the_consumer()
    {
        using DataLoader huge = new(new Gradients(6_000_000), Train, new LoaderOptions(BatchSize: 6_000_000, Shuffle: false, Workers: 2));      // more floats than an array holds
        Assert.Contains("use a smaller batch", Assert.Throws<ArgumentException>(() => huge.Epoch(0).First()).Message);
        using DataLoader stumbling = new(new Stumbling(), new LoaderOptions(BatchSize: 2, Workers: 2));
        Assert.Contains("no room", Assert.Throws<InvalidOperationException>(() => stumbling.Epoch(0).First()).Message);
    }

    [Fact]
    public void An_error_that_nobody_foresaw_names_the_file()
    {
        using DataLoader loader = new(new Gradients(4, broken: 2, error: new OverflowException("too wide")), Train, new LoaderOptions(BatchSize: 4, Workers: 2));
        Assert.Contains("gradient 2: it cannot be decoded (OverflowException: too wide)", Assert.Throws<InvalidDataException>(() => loader.Epoch(0).First()).Message);
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
        using DataLoader loader = new(new Gradients(16, delay: 60), Train, new LoaderOptions(BatchSize: 1, Workers: 1, Prefetch: 1));
        foreach (Batch batch in loader.Epoch(0)) batch.Dispose();
        Assert.True(loader.WaitTime >= TimeSpan.FromMilliseconds(30), $"waited {loader.WaitTime}");
    }

    [Fact]
    public void A_steady_epoch_allocates_no_pictures()
    {
        Measured data = new(new Gradients(400));
        using DataLoader loader = new(data, Train, new LoaderOptions(BatchSize: 20, Workers: 1));
        long perSample = SteadyBytes(loader, data);
        Assert.True(perSample < 100, $"{perSample} bytes a sample; a sample itself has {3 * 12 * 12 * 4}");
    }

    [Fact]
    public void Order_and_pixels_depend_on_seed_and_epoch_alone()
    {
        Rng rng = new(11);
        for (int round = 0; round < 6; round++)
        {
            (int count, int batch, long seed, int epoch) = (1 + rng.NextInt(40), 1 + rng.NextInt(9), rng.NextInt(1000), rng.NextInt(5));
            List<(int, int, float)> expected = Read(count, new LoaderOptions(batch, Workers: 1, Prefetch: 1, Seed: seed), epoch);
            foreach ((int workers, int prefetch) in new[] { (1, 4), (2, 1), (3, 2), (8, 5) })
                Assert.Equal(expected, Read(count, new LoaderOptions(batch, Workers: workers, Prefetch: prefetch, Seed: seed), epoch));
        }

        static List<(int Index, int Label, float Sum)> Read(int count, LoaderOptions options, int epoch)
        {
            using DataLoader loader = new(new Gradients(count), Train, options);
            List<(int, int, float)> seen = [];
            foreach (Batch batch in loader.Epoch(epoch))
            {
                using (batch)
                {
                    int length = batch.Pixels.Length / batch.Count;
                    for (int i = 0; i < batch.Count; i++) seen.Add((batch.Indices[i], batch.Labels[i], batch.Pixels.Span.Slice(i * length, length).ToArray().Sum()));
                }
            }

            return seen;
        }
    }

    [Theory]
    [InlineData(1, 10, 4)]
    [InlineData(3, 23, 4)]
    [InlineData(4, 2, 3)]      // fewer pictures than processes: two have nothing to do
    [InlineData(5, 26, 2)]
    public void Several_processes_evaluate_every_picture_exactly_once(int world, int count, int batch)
    {
        List<int> seen = [];
        for (int rank = 0; rank < world; rank++)
        {
            using DataLoader loader = new(new Gradients(count), Train, new LoaderOptions(batch, Shuffle: false, Workers: 2, Rank: rank, WorldSize: world));
            int before = seen.Count;
            foreach (Batch read in loader.Epoch(0))
            {
                using (read) seen.AddRange(read.Indices);
            }

            Assert.Equal(loader.SamplesPerEpoch, seen.Count - before);
        }

        Assert.Equal(Enumerable.Range(0, count), seen.Order());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(6)]
    public void An_epoch_that_is_taken_up_in_the_middle_gives_the_batches_that_are_left(int from)
    {
        using DataLoader loader = new(new Gradients(23), Train, new LoaderOptions(4, Workers: 2, Seed: 3));
        Assert.Equal(Read(0).Skip(from), Read(from));

        int[][] Read(int first)
        {
            List<int[]> batches = [];
            foreach (Batch batch in loader.Epoch(1, first))
            {
                using (batch) batches.Add([.. batch.Indices]);
            }

            return [.. batches];
        }
    }

    [Fact]
    public void Ranks_beyond_the_world_and_worlds_without_a_batch_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DataLoader(new Gradients(9), Train, new LoaderOptions(Rank: 2, WorldSize: 2)));
        Assert.Contains("gives no batch of 4", Assert.Throws<ArgumentException>(() => new DataLoader(new Gradients(3), Train, new LoaderOptions(4, DropLast: true, WorldSize: 3))).Message);
    }

    [Fact]
    public void A_steady_epoch_of_files_allocates_little_more_than_their_names()
    {
        using TempFolder folder = new();
        const int Count = 60;
        for (int i = 0; i < Count; i++) folder.Write($"c/{i:00}.ppm", [.. "P6 16 12 255\n"u8, .. new byte[16 * 12 * 3]]);
        Measured data = new(DatasetSource.Open(folder.Path));
        using DataLoader loader = new(data, Train, new LoaderOptions(BatchSize: 10, Workers: 1));
        long perSample = SteadyBytes(loader, data);
        Assert.True(perSample < 1000, $"{perSample} bytes a sample");
    }

    /// <summary>Bytes a sample that the worker allocates once every batch that can be in flight has been made.</summary>
    private static long SteadyBytes(DataLoader loader, Measured data)
    {
        foreach (Batch batch in loader.Epoch(0))
        {
            int inFlight = Math.Min(data.Count, (loader.Options.Prefetch + 1) * loader.Options.BatchSize);
            Assert.True(SpinWait.SpinUntil(() => data.Loaded >= inFlight, TimeSpan.FromMinutes(2)), $"{data.Loaded} of {inFlight} were loaded");
            batch.Dispose();
        }

        Drain(loader, 1);
        return data.AllocatedInLastEpoch / (data.Count - 1);
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

    /// <summary>Another set, with what its only reader allocates from the first to the last picture of an epoch.</summary>
    private sealed class Measured(LabelledDataset inner) : ImageDataset
    {
        private long _first;
        private int _loaded;

        public int Loaded => Volatile.Read(ref _loaded);

        public long AllocatedInLastEpoch { get; private set; }

        public override string Name => inner.Name;

        public override int Count => inner.Count;

        public override IReadOnlyList<string> ClassNames => inner.ClassNames;

        public override int Label(int index) => inner.Label(index);

        public override string Source(int index) => inner.Source(index);

        public override void Load(int index, ImageBuffer into)
        {
            long now = GC.GetAllocatedBytesForCurrentThread();
            if (Loaded % Count == 0) _first = now;
            AllocatedInLastEpoch = now - _first;
            inner.Load(index, into);
            Interlocked.Increment(ref _loaded);
        }
    }

    /// <summary>Pictures that differ from each other everywhere.</summary>
    /// <summary>Samples for which no thread gets its working memory.</summary>
    private sealed class Stumbling : SampleMaker
    {
        public override LabelledDataset Data { get; } = new Gradients(4);

        public override IReadOnlyList<int> Dims => [3, 2, 2];

        public override bool IsDeterministic => true;

        public override string Description => "stumbling";

        public override IDisposable CreateScratch() => throw new InvalidOperationException("no room");

        public override void Make(int sample, Rng rng, Span<float> destination, IDisposable scratch) => destination.Clear();
    }

    private sealed class Gradients(int count, int broken = -1, int delay = 0, Exception? error = null) : ImageDataset
    {
        private int _loaded;

        public int Loaded => Volatile.Read(ref _loaded);

        public override string Name => "gradients";

        public override int Count => count;

        public override IReadOnlyList<string> ClassNames => ["a", "b", "c"];

        public override int Label(int index) => index % 3;

        public override string Source(int index) => $"gradient {index}";

        public override void Load(int index, ImageBuffer into)
        {
            Interlocked.Increment(ref _loaded);
            if (delay > 0) Thread.Sleep(delay);
            if (index == broken) throw error ?? new InvalidDataException("no such colour");
            into.Reset(20, 16);
            for (int i = 0; i < into.Pixels.Length; i++) into.Pixels[i] = (byte)((i * 7) + (index * 13));
        }
    }
}
