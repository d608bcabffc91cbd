using System.Diagnostics;
using AdaptFormer.Data;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Benchmarking;

/// <summary>How fast one core turns files into the model's input.</summary>
/// <param name="ImagesPerSPerCore">Pictures per second of one thread, in the median pass.</param>
/// <param name="Images">Pictures in a pass.</param>
/// <param name="Passes">Passes over the folder.</param>
/// <param name="PeakRssBytes">Most memory that the process had.</param>
public sealed record LoadingResult(double ImagesPerSPerCore, int Images, int Passes, long PeakRssBytes);

/// <summary>Measures the evaluation transform of ImageNet models: decode, shorter side to 256, centre crop 224, normalise.</summary>
public static class LoadingBenchmark
{
    /// <summary>Reads all pictures below <paramref name="folder"/> on this thread, whole passes until <paramref name="duration"/> is spent; a first pass that brings the files into memory is not counted.</summary>
    /// <exception cref="IOException">There is no such folder, or a file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The folder holds no pictures, or one that is damaged.</exception>
    public static LoadingResult Run(string folder, TimeSpan duration)
    {
        FileListDataset pictures = FileListDataset.Of([folder]);
        ImageTransform transform = ImageTransform.ForEvaluation(new TransformOptions());
        float[] sample = new float[transform.SampleLength];
        using ImageTransform.Scratch scratch = new();
        Pass();
        List<double> seconds = [];
        long begin = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            Pass();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (Stopwatch.GetElapsedTime(begin) < duration);

        seconds.Sort();
        using Process process = Process.GetCurrentProcess();
        return new LoadingResult(pictures.Count / seconds[seconds.Count / 2], pictures.Count, seconds.Count, process.PeakWorkingSet64);

        void Pass()
        {
            Rng rng = new(0);
            for (int i = 0; i < pictures.Count; i++)
            {
                pictures.Load(i, scratch.Decoded);
                transform.Apply(scratch.Decoded, rng, sample, scratch);
            }
        }
    }
}
