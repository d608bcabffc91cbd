using System.Globalization;
using System.Text.RegularExpressions;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// How another project names (and splits) the weights that we know under timm's names. A rule pairs one of our names with the one or
/// several of theirs whose rows, one below the other, make it up; it reads in both directions. In a pattern <c>{i}</c> and <c>{j}</c> are
/// numbers, <c>{i+1}</c> is the one after <c>{i}</c>, and a final <c>*</c> is <c>weight</c> or <c>bias</c>. Names that no rule speaks of
/// are the same on both sides.
/// </summary>
public sealed class NameMap
{
    private readonly List<Rule> _rules;

    /// <summary>A map from its rules.</summary>
    /// <param name="name">Whose names these are, for people.</param>
    /// <param name="rules">Our pattern and theirs.</param>
    public NameMap(string name, params IEnumerable<(string Ours, string[] Theirs)> rules)
    {
        Name = name;
        _rules = [.. rules.Select(rule => new Rule(rule.Ours, rule.Theirs))];
    }

    /// <summary>Whose names these are.</summary>
    public string Name { get; }

    /// <summary>What stands ahead of the backbone's names when they are written together with a classifier, for example <c>vit.</c>;
    /// nothing by default.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Whether <see cref="Prefix"/> stands there without a classifier too.</summary>
    public bool AlwaysPrefixed { get; init; }

    /// <summary>Ours of three axes whose leading axes of length 1 they leave out.</summary>
    public IReadOnlyList<string> Squeezed { get; init; } = [];

    /// <summary>Their name of one of our weights; the first one's where several make it up.</summary>
    public string TheirName(string ours) =>
        Find(ours, rule => rule.Ours) is ({ } rule, { } match) ? Rule.Fill(rule.TheirPatterns[0], match) : ours;

    /// <summary>What weights must have besides their names, where the same names mean something else in another naming; nothing by
    /// default.</summary>
    public Predicate<StateDict> Condition { get; init; } = static _ => true;

    /// <summary>How many of their names occur in <paramref name="state"/>: the map with the most hits is the file's.</summary>
    public int Hits(StateDict state) =>
        !Condition(state) ? 0 : state.Weights.Keys.Count(name => _rules.Any(rule => rule.Theirs[0].IsMatch(name)));

    /// <summary>Their weights under our names.</summary>
    /// <exception cref="InvalidDataException">A part of a joined weight is missing, or parts have different widths.</exception>
    public StateDict ToOurs(StateDict theirs)
    {
        StateDict ours = new();
        HashSet<string> taken = [];
        foreach ((string name, StateDict.Weight weight) in theirs.Weights)
        {
            if (taken.Contains(name)) continue;
            if (Find(name, rule => rule.Theirs[0]) is not ({ } rule, { } match))
            {
                if (!IsLaterPart(name)) ours.Add(name, weight);
                continue;
            }

            string[] parts = [.. rule.TheirPatterns.Select(pattern => Rule.Fill(pattern, match))];
            string[] missing = [.. parts.Where(part => !theirs.Weights.ContainsKey(part))];
            if (missing.Length > 0) throw new InvalidDataException($"{Name} weights: {string.Join(", ", missing)} missing beside {name}.");
            string our = Rule.Fill(rule.OurPattern, match);
            ours.Add(our, parts.Length > 1 ? Join(parts, theirs) : Squeezed.Contains(our) ? WithThreeAxes(weight) : weight);
            taken.UnionWith(parts);
        }

        return ours;
    }

    /// <summary>Our weights under their names.</summary>
    public StateDict ToTheirs(StateDict ours)
    {
        StateDict theirs = new();
        foreach ((string name, StateDict.Weight weight) in ours.Weights)
        {
            if (Find(name, rule => rule.Ours) is not ({ } rule, { } match))
            {
                theirs.Add(name, weight);
                continue;
            }

            int count = rule.TheirPatterns.Length;
            for (int part = 0; part < count; part++)
            {
                theirs.Add(Rule.Fill(rule.TheirPatterns[part], match), count > 1
                    ? Slice(weight, part, count) : Squeezed.Contains(name) ? WithoutLeadingOnes(weight) : weight);
            }
        }

        return theirs;
    }

    private bool IsLaterPart(string name) => _rules.Any(rule => rule.Theirs.Skip(1).Any(pattern => pattern.IsMatch(name)));

    private (Rule?, Match?) Find(string name, Func<Rule, Regex> side)
    {
        foreach (Rule rule in _rules)
        {
            if (side(rule).Match(name) is { Success: true } match) return (rule, match);
        }

        return (null, null);
    }

    private static StateDict.Weight WithThreeAxes(StateDict.Weight weight) =>
        weight with { Shape = new Shape([.. Enumerable.Repeat(1, Math.Max(0, 3 - weight.Shape.Rank)), .. weight.Shape.Dims]) };

    private static StateDict.Weight WithoutLeadingOnes(StateDict.Weight weight)
    {
        int[] dims = weight.Shape.Dims.ToArray();
        return weight with { Shape = new Shape([.. dims.SkipWhile(length => length == 1)]) };
    }

    private static StateDict.Weight Join(string[] names, StateDict state)
    {
        StateDict.Weight[] parts = [.. names.Select(name => state.Weights[name])];
        if (parts.Any(part => part.Shape != parts[0].Shape))
            throw new InvalidDataException(
                $"{string.Join(", ", names)} must have one shape, got {string.Join(", ", parts.Select(part => part.Shape))}.");
        int[] dims = parts[0].Shape.Dims.ToArray();
        dims[0] *= parts.Length;
        int length = (int)parts[0].Shape.Length;
        return new StateDict.Weight(new Shape(dims), destination =>
        {
            for (int i = 0; i < parts.Length; i++) parts[i].Read(destination.Slice(i * length, length));
        });
    }

    private static StateDict.Weight Slice(StateDict.Weight weight, int part, int count)
    {
        int[] dims = weight.Shape.Dims.ToArray();
        dims[0] /= count;
        Shape shape = new(dims);
        int length = (int)shape.Length;
        return new StateDict.Weight(shape, destination => weight.ToArray().AsSpan(part * length, length).CopyTo(destination));
    }

    private sealed class Rule(string ours, string[] theirs)
    {
        public string OurPattern { get; } = ours;

        public string[] TheirPatterns { get; } = theirs;

        public Regex Ours { get; } = Compile(ours);

        public Regex[] Theirs { get; } = [.. theirs.Select(Compile)];

        public static string Fill(string pattern, Match match) =>
            pattern.Replace("{i}", Number(match, 0)).Replace("{i+1}", Number(match, 1)).Replace("{j}", match.Groups["j"].Value)
                .Replace("*", match.Groups["kind"].Value);

        private static string Number(Match match, int more)
        {
            (Group i, Group next) = (match.Groups["i"], match.Groups["next"]);
            if (!i.Success && !next.Success) return "";
            int number = i.Success
                ? int.Parse(i.ValueSpan, CultureInfo.InvariantCulture) : int.Parse(next.ValueSpan, CultureInfo.InvariantCulture) - 1;
            return (number + more).ToString(CultureInfo.InvariantCulture);
        }

        private static Regex Compile(string pattern)
        {
            string names = Regex.Escape(pattern)
                .Replace("\\{i}", "(?<i>[0-9]{1,6})")
                .Replace("\\{i\\+1}", "(?<next>[1-9][0-9]{0,5})")
                .Replace("\\{j}", "(?<j>[0-9]+)")
                .Replace("\\*", "(?<kind>weight|bias)");
            return new Regex($"^{names}$", RegexOptions.CultureInvariant);
        }
    }
}
