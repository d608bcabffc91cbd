using System.Diagnostics;
using System.Globalization;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Shards;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Data.Video;
using AdaptFormer.Tensors;

namespace AdaptFormer.Benchmarks;

/// <summary>
/// How fast one core turns clips into the model's input, from files and from shards, beside ffmpeg alone that decodes the same frames; what packing costs; and whether
/// memory and allocations stay flat. Eight frames, 224 pixels, multi-scale crop, mirrored or not: a training sample.
/// </summary>
internal static class ClipLoading
{
    private const int Frames = 8, Side = 224, Repeats = 20, Points = 6;
    private static readonly TransformOptions Options = new(
        Side, TrainCrop.MultiScale, Interpolation: Interpolation.Bilinear, EvalResize: Side, Clip: new ClipOptions(Frames));

    /// <summary>Measures and prints a table.</summary>
    /// <param name="spec">Clips, as a recipe names them; where they are folders of frames, ffmpeg is left out.</param>
    /// <param name="root">Folder that the paths of a list are relative to; that of the list if null.</param>
    public static int Run(string spec, string? root)
    {
        LabelledDataset files = DatasetSource.Open(spec, root: root, clips: true);
        string folder = Directory.CreateTempSubdirectory("adaptformer-clips-").FullName;
        try
        {
            ImageTransform transform = ImageTransform.ForTraining(Options);
            int total = Enumerable.Range(0, files.Count).Sum(files.FrameCount);      // asks ffprobe, so that it is not measured with the epochs
            Print($"{files.Count} clips, {(double)total / files.Count:0} frames each; a sample is {Frames} frames of {Side} pixels; one thread unless it says otherwise");
            double alone = double.NaN;
            if (files.FrameFile(0, 0) is null)
            {
                Print($"ffprobe:                                 {Rate(files.Count, () => All(files.Count, i => FFmpeg.Probe(files.FileOf(i)))),8:0.0} clips/s, once a file");
                alone = Rate(files.Count, () => All(files.Count, i => Alone(files, transform, i)));
                Print($"ffmpeg alone, the same frames:           {alone,8:0.0} clips/s");
            }
            else
            {
                Epoch(new ItemSamples(files, transform), 1);      // brings files into memory and code to its final form, as shards have it below
            }

            double fromFiles = Rate(files.Count, () => Epoch(new ItemSamples(files, transform), 1));
            Print($"training samples from files:             {fromFiles,8:0.0} clips/s{(double.IsNaN(alone) ? "" : $", {fromFiles / alone:0.00} of ffmpeg alone")}");

            long start = Stopwatch.GetTimestamp();
            using CachedDataset packed = ItemCache.Build(files, folder, new PackOptions());
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, cores = Environment.ProcessorCount;
            Print($"packing, {cores:0} threads:                      {files.Count / seconds,8:0.0} clips/s, {100_000 / (double)files.Count * seconds * cores / 3600:0.0} core-hours and {100_000 / (double)files.Count * packed.Bytes / 1e9:0} GB for 100,000 such clips");
            ItemSamples samples = new(packed, transform);
            Epoch(samples, 1);
            double fromShards = Rate(5 * files.Count, () => All(5, epoch => Epoch(samples, epoch)));
            Print($"training samples from shards:            {fromShards,8:0.0} clips/s, {fromShards / fromFiles:0.0} times those from files");
            Memory(packed, transform);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A long epoch through the loader, with the memory of the process and what was allocated at several points of it.</summary>
    private static void Memory(LabelledDataset packed, ImageTransform transform)
    {
        SubsetDataset many = new(packed, Enumerable.Range(0, Repeats * packed.Count).Select(i => i % packed.Count), $"{Repeats} times");
        using DataLoader loader = new(new ItemSamples(many, transform), new LoaderOptions(8, Workers: 1, DropLast: true));
        Print($"an epoch of {loader.SamplesPerEpoch} clips from shards through the loader, one worker, batches of 8:");
        long allocated = 0;
        int batches = 0, part = loader.BatchesPerEpoch / Points;
        foreach (Batch loaded in loader.Epoch(1))
        {
            loaded.Dispose();
            if (++batches % part > 0) continue;
            long now = GC.GetTotalAllocatedBytes(precise: true);
            using Process process = Process.GetCurrentProcess();
            string more = allocated == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {(double)(now - allocated) / (8 * part):0} bytes allocated a sample since the point before");
            Print($"  after {batches * 8,5} clips: {process.WorkingSet64 / 1e6,6:0.0} MB resident{more}");
            allocated = GC.GetTotalAllocatedBytes(precise: true);
        }
    }

    private static void Epoch(ItemSamples samples, int epoch)
    {
        using IDisposable scratch = samples.CreateScratch();
        float[] sample = new float[samples.Length];
        Rng root = new(0);
        for (int i = 0; i < samples.Count; i++) samples.Make(i, root.Derive(epoch, i), sample, scratch);
    }

    /// <summary>ffmpeg as we call it, its output thrown away.</summary>
    private static void Alone(LabelledDataset clips, ImageTransform transform, int index)
    {
        int[] frames = new int[Frames];
        transform.Frames(clips.FrameCount(index), 0, new Rng(0).Derive(1, index), frames);
        string select = string.Join('+', frames.Distinct().Select(n => string.Create(CultureInfo.InvariantCulture, $"eq(n\\,{n})")));
        using Process process = Process.Start(new ProcessStartInfo("ffmpeg",
        [
            "-v", "error", "-nostdin", "-threads", "1", "-i", clips.FileOf(index), "-an", "-vf", $"select='{select}',scale=w='if(lt(iw,ih),min(iw,256),-2)':h='if(lt(iw,ih),-2,min(ih,256))':flags=bicubic",
            "-vsync", "0", "-frames:v", frames.Distinct().Count().ToString(CultureInfo.InvariantCulture), "-f", "rawvideo", "-pix_fmt", "rgb24", "-y", "/dev/null",
        ]))!;
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidDataException($"{clips.FileOf(index)}: ffmpeg ended with {process.ExitCode}.");
    }

    private static void All(int count, Action<int> work)
    {
        for (int i = 0; i < count; i++) work(i);
    }

    private static double Rate(int count, Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return count / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
