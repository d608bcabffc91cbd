using System.Diagnostics;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Shards;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;

namespace AdaptFormer.Experiments.Benchmarking;

/// <summary>How fast one core turns files into the model's input.</summary>
/// <param name="ImagesPerSPerCore">Pictures per second of one thread with the evaluation transform, in the median pass.</param>
/// <param name="TrainImagesPerSPerCore">Likewise with the training transform (random crop, mirrored or not); from the cache if there is
/// one.</param>
/// <param name="Images">Pictures in a pass.</param>
/// <param name="Passes">Passes over them with each transform.</param>
/// <param name="PeakRssBytes">Most memory that the process had.</param>
public sealed record LoadingResult(double ImagesPerSPerCore, double TrainImagesPerSPerCore, int Images, int Passes, long PeakRssBytes);

/// <summary>Measures the transforms of ImageNet models on one thread: decode, resize, crop to 224, normalise.</summary>
public static class LoadingBenchmark
{
    /// <summary>Reads pictures, whole passes until <paramref name="duration"/> is spent with each transform; a first pass that brings the
    /// files into memory is not counted.</summary>
    /// <param name="pictures">A folder, whose pictures are all read, or data as <see cref="DatasetSource"/> opens them.</param>
    /// <param name="duration">Time for each transform.</param>
    /// <param name="cache">Folder of a cache of these data, which then the training transform reads; none if null.</param>
    /// <exception cref="IOException">There is no such folder, or a file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The folder holds no pictures, or one that is damaged.</exception>
    public static LoadingResult Run(string pictures, TimeSpan duration, string? cache = null)
    {
        bool plain = Directory.Exists(pictures) && cache is null;
        LabelledDataset files = plain ? UnlabelledDataset.Of([pictures]) : DatasetSource.Open(pictures, clips: false);
        using CachedDataset? packed = cache is null ? null : ItemCache.Open(files, cache);
        (double evaluation, int passes) = Measure(files, ImageTransform.ForEvaluation(new TransformOptions()), duration);
        (double training, _) = Measure(packed ?? files, ImageTransform.ForTraining(new TransformOptions()), duration);
        using Process process = Process.GetCurrentProcess();
        return new LoadingResult(evaluation, training, files.Count, passes, process.PeakWorkingSet64);
    }

    private static (double PerSecond, int Passes) Measure(LabelledDataset pictures, ImageTransform transform, TimeSpan duration)
    {
        float[] sample = new float[transform.SampleLength];
        using ImageTransform.Scratch scratch = new();
        Rng root = new(0);
        List<double> seconds = [];
        Pass();
        long begin = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            Pass();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (Stopwatch.GetElapsedTime(begin) < duration);

        seconds.Sort();
        return (pictures.Count / seconds[seconds.Count / 2], seconds.Count);

        void Pass()
        {
            for (int i = 0; i < pictures.Count; i++)
            {
                pictures.Load(i, scratch.Decoded);
                transform.Apply(scratch.Decoded, root.Derive(seconds.Count, i), sample, scratch);
            }
        }
    }
}
