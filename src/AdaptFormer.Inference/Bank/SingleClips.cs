using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;

namespace AdaptFormer.Inference;

/// <summary>A data set of one clip.</summary>
/// <param name="name">What messages call it.</param>
internal abstract class SingleClip(string name) : LabelledDataset
{
    public override string Name => name;

    public override int Count => 1;

    public override bool OfClips => true;

    public override IReadOnlyList<string> ClassNames { get; } = [""];

    public override int Label(int index) => 0;

    public override string Source(int index) => name;
}

/// <summary>A clip whose frames are decoded already.</summary>
/// <param name="name">What messages call it.</param>
/// <param name="frames">The frames.</param>
internal sealed class MemoryClip(string name, IReadOnlyList<ImageBuffer> frames) : SingleClip(name)
{
    public override int FrameCount(int index) => frames.Count;

    public override void Load(int index, ReadOnlySpan<int> wanted, ClipBuffer into, int shortSide = WholeFrames)
    {
        into.Reset(wanted.Length);
        for (int t = 0; t < wanted.Length; t++) into[t].CopyFrom(frames[wanted[t]]);
    }
}

/// <summary>A video file of which the number of frames is known.</summary>
internal sealed class VideoClip : SingleClip
{
    private readonly string _path;
    private readonly VideoInfo _info;

    /// <summary>Looks into the file.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="path">The file.</param>
    /// <param name="mostFrames">A longer clip is refused.</param>
    /// <exception cref="InvalidDataException">It is no video, damaged, or too long.</exception>
    public VideoClip(string name, string path, int mostFrames)
        : base(name)
    {
        _path = path;
        _info = Named(() => FFmpeg.Probe(path, mostFrames));
    }

    public override int FrameCount(int index) => _info.Frames;

    public override VideoInfo Info(int index) => _info;

    public override void Load(int index, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = WholeFrames)
    {
        int[] wanted = [.. frames];
        Named(() =>
        {
            FFmpeg.Decode(_path, _info, wanted, into, shortSide);
            return true;
        });
    }

    /// <summary>Lets messages call the clip by its name, not by that of a copy of it.</summary>
    private T Named<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException e) when (_path != Name)
        {
            throw new InvalidDataException(e.Message.Replace(_path, Name, StringComparison.Ordinal), e);
        }
    }
}
